"""Titles in the encodings that files come in: found, and the others on offer."""

import time

import pytest

from sim.recommender.encodings import KNOWN, decode, plausible, to_utf8

TITLES = {
    "cp1251": "Фильм номер 1 о любви;Москва слезам не верит;Ирония судьбы, или С лёгким паром!",
    "koi8_r": "Фильм номер 1 о любви;Москва слезам не верит;Бриллиантовая рука",
    "cp1250": "Pociągi pod specjalnym nadzorem;Człowiek z marmuru;Popiół i diament;Nóż w wodzie",
    "cp1253": "Ο θίασος;Το βλέμμα του Οδυσσέα;Μια αιωνιότητα και μια μέρα;Στέλλα",
    "cp1254": "Kış Uykusu;Bir Zamanlar Anadolu'da;Üç Maymun;İklimler, Ağır Roman",
    "cp1255": "ואלס עם באשיר;הערת שוליים;סרט ישראלי חדש",
    "cp1256": "انفصال نادر وسيمين;باب الحديد;المومياء",
    "cp1257": "Šiaurės ašis; Žuvis ir ąžuolas; Moteris ir keturi jos vyrai; Tadas Blinda",
    "shift_jis": "千と千尋の神隠し;となりのトトロ;七人の侍;もののけ姫",
    "euc_jp": "千と千尋の神隠し;となりのトトロ;七人の侍;もののけ姫",
    "euc_kr": "올드보이;기생충;살인의 추억;봄 여름 가을 겨울 그리고 봄",
    "big5": "臥虎藏龍;霸王別姬;大話西遊之月光寶盒;牯嶺街少年殺人事件",
    "gb18030": "霸王别姬;卧虎藏龙 (2000);大话西游之月光宝盒",
    "cp874": "ลุงบุญมีระลึกชาติ;องค์บาก;ฟ้าทะลายโจร",
    "utf-8": "Amélie;霸王别姬;Фильм",
    "utf-16": "Amélie;霸王别姬;Фильм",
    "utf-16-le": "Amélie;霸王别姬;Фильм",
    "utf-16-be": "Amélie;霸王别姬;Фильм",
}
WESTERN = [
    "Léon: the Professional;Amélie – déjà vu;Les Misérables;À bout de souffle;La Haine",
    "Amélie",
    "Männer",
    "Niña, Ñandú;El espíritu de la colmena;Volver;Señora;Los años más bellos",
    "Das Leben der Anderen, für Übermut;Die fetten Jahre sind vorbei;Männer;Süß",
    "Cidade de Deus;Central do Brasil;Ação;O Pagador de Promessas não são",
    "Fanny och Alexander;Låt den rätte komma in;Såsom i en spegel;Smultronstället",
    "Pelle Erobreren;Babettes gæstebud;Brødre;Efter brylluppet på øen",
    "La vita è bella;Così ridevano;Perché no;Città aperta",
]


def table(titles: str, n: int = 60) -> str:
    names = titles.split(";")
    rows = [f"{i % 40},{i},{i % 5},{names[i % len(names)]} {i}" for i in range(n)]
    return "\n".join(["user,item,rating,title", *rows])


@pytest.mark.parametrize("encoding", TITLES)
def test_the_encoding_is_found(encoding: str) -> None:
    text = table(TITLES[encoding])
    raw = text.encode(encoding)
    assert plausible(raw)[0] == encoding
    assert decode(raw) == (text, encoding)
    assert to_utf8(raw, encoding) == (text.encode(), True)


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("cp1251", "Фильм номер {} о любви"),
        ("koi8_r", "Фильм номер {} о любви"),
        ("shift_jis", "映画のタイトル{}です"),
        ("euc_jp", "映画のタイトル{}です"),
        ("euc_kr", "영화 제목 {} 입니다"),
        ("big5", "電影標題之{}這是國語"),
        ("gb18030", "电影名称第{}部"),
        ("cp1255", "סרט מספר {} על אהבה"),
        ("cp1253", "Ταινία αριθμός {} για την αγάπη"),
        ("cp1250", "Książę żąda zażółcić gęślą jaźń {}"),
        ("cp1252", "Amélie à la plage n° {}"),
    ],
)
def test_titles_that_are_all_alike_are_enough(encoding: str, title: str) -> None:
    names = ";".join(title.format(i) for i in range(20))
    assert decode(table(names).encode(encoding)) == (table(names), encoding)


@pytest.mark.parametrize("encoding", ["big5", "gb18030", "shift_jis", "euc_jp", "euc_kr"])
@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
def test_names_and_titles_beside_a_header_of_the_same_language(
    encoding: str, separator: str
) -> None:
    """Half of a character may be a byte that is a bar elsewhere, as in 四 or 算."""
    header, user, title, last = {
        "big5": ("用戶,電影,評分", "用戶", "電影名稱", "一二三四五六七八九十甲乙"),
        "gb18030": ("用户,电影,评分", "用户", "电影名称", "一二三四五六七八九十甲乙"),
        "shift_jis": ("ユーザー,映画,評価", "ユーザー", "映画の題名", "一二三四五六七八九十甲乙"),
        "euc_jp": ("ユーザー,映画,評価", "ユーザー", "映画の題名", "一二三四五六七八九十甲乙"),
        "euc_kr": ("사용자,영화,평점", "사용자", "영화 제목", "가나다라마바사아자차카타"),
    }[encoding]
    rows = [f"{user}{n % 8},{title}{last[n % 12]},{1 + n % 5}" for n in range(64)]
    text = "\n".join([header, *rows]).replace(",", separator)
    assert decode(text.encode(encoding)) == (text, encoding)


@pytest.mark.parametrize(
    ("encoding", "header"),
    [
        ("gb18030", "用户,电影,评分"),
        ("big5", "用戶,電影,評分"),
        ("shift_jis", "ユーザー,映画,評価"),
        ("euc_jp", "ユーザー,映画,評価"),
        ("euc_kr", "사용자,영화,평점"),
        ("cp1251", "Пользователь,Фильм,Оценка"),
        ("cp1252", "Usuário,Filme,Nota"),
    ],
)
def test_a_header_is_enough(encoding: str, header: str) -> None:
    text = header + "\n" + "".join(f"{i},{i},3\n" for i in range(50))
    assert decode(text.encode(encoding)) == (text, encoding)


@pytest.mark.parametrize("encoding", ["big5", "gb18030", "shift_jis", "euc_jp", "euc_kr"])
@pytest.mark.parametrize("length", [1, 400, 20_000])
def test_the_encoding_of_any_text_is_on_offer(encoding: str, length: int) -> None:
    """Long fields, and many of them, are not cut within a character."""
    text = TITLES[encoding].replace(";", "")
    fields = [str(i % 7) + text[i % len(text) :] + text * (length // len(text)) for i in range(300)]
    for raw in (fields[0].encode(encoding), "\n".join(fields[:3]).encode(encoding)):
        assert encoding in plausible(raw)
    assert encoding in plausible("\n".join(fields)[: 1 << 17].encode(encoding))
    assert encoding in plausible(f"user,item\n1,{text}".encode(encoding)), "the only row"


@pytest.mark.parametrize("titles", WESTERN)
def test_western_accents_are_windows_1252(titles: str) -> None:
    raw = table(titles).encode("cp1252")
    assert decode(raw) == (table(titles), "cp1252")
    assert len(plausible(raw)) > 3, "others are on offer"


def test_what_fits_nothing_else_is_latin_1() -> None:
    assert decode(bytes(range(128, 256)))[0]
    assert plausible(b"a,b\n\x81\x8d\x8f\x90\x9d\xff\n")[-1] == "latin-1"


def test_all_on_offer_fit() -> None:
    for encoding, titles in TITLES.items():
        offered = plausible(table(titles).encode(encoding))
        assert set(offered) <= set(KNOWN)
        assert len(set(offered)) == len(offered) >= 1


def test_ascii_is_utf_8_and_nothing_else() -> None:
    assert plausible(b"user,item\n1,2\n") == ("utf-8",)
    assert plausible(b"") == ("utf-8",)


def test_byte_order_marks_and_line_ends_are_taken_off() -> None:
    assert to_utf8(b"\xef\xbb\xbfa\r\nb\rc\n", "utf-8") == (b"a\nb\nc\n", True)
    assert to_utf8("é\r\n".encode("utf-16"), "utf-16") == ("é\n".encode(), True)
    assert to_utf8(b"\xe9\n", "utf-8") == ("\ufffd\n".encode(), False)
    with pytest.raises(ValueError, match="'rot13' is not one of utf-8"):
        to_utf8(b"a", "rot13")


def test_a_large_file_takes_no_longer_than_its_reading() -> None:
    """A detector that is given all of it takes minutes."""
    raw = (table(TITLES["cp1251"]) * 4000).encode("cp1251")
    assert len(raw) > 8e6
    start = time.perf_counter()
    assert plausible(raw)[0] == "cp1251"
    assert time.perf_counter() - start < 2
