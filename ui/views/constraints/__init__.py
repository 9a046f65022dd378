"""The views of the constraints screen: one picture each, with what its tabs say."""

from ui.views.constraints.controls import CONTROLS
from ui.views.constraints.descent import DESCENT
from ui.views.constraints.figure import FIGURE
from ui.views.constraints.how_often import HOW_OFTEN
from ui.views.constraints.one_dimension import ONE_DIMENSION
from ui.views.constraints.path import PATH
from ui.views.constraints.zeros import ZEROS

__all__ = ["CONTROLS", "VIEWS"]

VIEWS = (FIGURE, ZEROS, PATH, DESCENT, HOW_OFTEN, ONE_DIMENSION)
