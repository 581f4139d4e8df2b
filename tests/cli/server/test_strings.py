"""The texts of the page: the same in both languages, and each in use."""

import re

import pytest
from documents import ROOT

STATIC = ROOT / "imgae" / "cli" / "server" / "static"
LANGUAGES = ("en", "zh")
WORDS = re.compile(r"\{(\w+)\}")


def texts(language):
    """The texts of a language by key, in the order of the file."""
    text = (STATIC / "strings.js").read_text()
    (block,) = re.findall(rf"(?ms)^export const {language} = \{{\n(.*?)^\}};$", text)
    pairs = re.findall(r'(?m)^  "?([\w-]+)"?:\s+"((?:[^"\\]|\\.)*)",$', block)
    assert len(pairs) > 50
    assert len(pairs) == len(re.findall(r'(?m)^  "?[\w-]+"?:', block))  # none is passed over
    return dict(pairs)


def sources():
    """What uses the texts: the page and all modules but the one that holds them."""
    paths = [*STATIC.glob("*.html"), *STATIC.glob("*.js")]
    return "\n".join(path.read_text() for path in paths if path.name != "strings.js")


def test_both_languages_have_the_same_texts():
    english, chinese = map(texts, LANGUAGES)
    assert list(english) == list(chinese)
    assert {k: set(WORDS.findall(v)) for k, v in english.items()} == {
        k: set(WORDS.findall(v)) for k, v in chinese.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_is_in_its_language(language):
    for key, text in texts(language).items():
        assert text.strip(), key
        if language == "en":
            assert not re.search("[\u3000-\u9fff]", text), key
    translated = sum(bool(re.search("[\u4e00-\u9fff]", text)) for text in texts("zh").values())
    assert translated >= len(texts("zh")) - 5  # names such as "JPEG" are the same


def test_no_text_is_unused_or_missing():
    known, used = set(texts("en")), sources()
    words = set(re.findall(r"[\"'`]([\w-]+)[\"'`]|\.(\w+)\b|^ +(\w+):", used, re.MULTILINE))
    words = {word for groups in words for word in groups}
    made = re.findall(r"`(\w*)(?:\$\{[^{}`]*\})+(\w*)`", used)  # as in `${name}Help`
    patterns = [re.compile(rf"{head}\w+{tail}") for head, tail in made if head or tail]
    unused = [
        key for key in known - words if not any(pattern.fullmatch(key) for pattern in patterns)
    ]
    assert sorted(unused) == []
    named = set(re.findall(r"data-t(?:-label|-title|-name)?=\"(\w+)\"", used))
    named |= set(re.findall(r"\bt\(\"(\w+)\"", used))
    assert sorted(named - known) == []
