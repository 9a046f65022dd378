import streamlit as st

from ui.lecture import TOPICS

st.write([t.title for t in TOPICS])
