import tomllib

from hypothesis import given
from hypothesis import strategies as st

from forecasting.sources.toml_lines import key_lines

TEXT = '''\
# a = 1
top = 1
[one]  # [two]
plain = "a = 3 # no comment"
"quoted key" = 'its'
many = """
[not.a.table]
x = 1 \\""" still
"""
raw = \'\'\'
y = 2\'\'\'
list = [
  1, # first
  { inner = 1, deep = { er = 2 } },
  "[", ]
when = 1979-05-27 07:32:00
number = -1.5e3
[two.three]
dotted.key = { a = "}", b = [ "]" ] }

[[rows]]
"\\u0061\\t" = 1
'''


def test_each_key_is_found_on_its_line() -> None:
    tomllib.loads(TEXT)
    assert key_lines(TEXT) == {
        ("top",): 2,
        ("one",): 3,
        ("one", "plain"): 4,
        ("one", "quoted key"): 5,
        ("one", "many"): 6,
        ("one", "raw"): 10,
        ("one", "list"): 12,
        ("one", "list", 0): 13,
        ("one", "list", 1): 14,
        ("one", "list", 1, "inner"): 14,
        ("one", "list", 1, "deep"): 14,
        ("one", "list", 1, "deep", "er"): 14,
        ("one", "list", 2): 15,
        ("one", "when"): 16,
        ("one", "number"): 17,
        ("two",): 18,
        ("two", "three"): 18,
        ("two", "three", "dotted"): 19,
        ("two", "three", "dotted", "key"): 19,
        ("two", "three", "dotted", "key", "a"): 19,
        ("two", "three", "dotted", "key", "b"): 19,
        ("two", "three", "dotted", "key", "b", 0): 19,
        ("rows",): 21,
        ("rows", "a\t"): 22,
    }


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\n\r\n[b]\r\nc = 2\r\n") == {("a",): 1, ("b",): 3, ("b", "c"): 4}


texts = st.text(st.sampled_from("ab\"'#[]{}=,.\\\n \té"), max_size=12)


def quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(letter, letter) for letter in text) + '"'


@given(st.dictionaries(texts, st.dictionaries(texts, texts, max_size=4), max_size=4))
def test_any_tables_with_any_keys_are_found(tables: dict[str, dict[str, str]]) -> None:
    lines, expected = [], {}
    for table, pairs in tables.items():
        lines.append(f"[ {quoted(table)} ] # x = 1")
        expected[(table,)] = len(lines)
        for key, value in pairs.items():
            lines.append(f"{quoted(key)} = {quoted(value)} # ]")
            expected[(table, key)] = len(lines)
    text = "\n".join(lines)
    assert tomllib.loads(text) == tables
    assert key_lines(text) == expected
