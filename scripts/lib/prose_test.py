"""Tests scripts/prose: what it rewraps, what it leaves, and what it reports."""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

# No `__pycache__` in the repository.
sys.dont_write_bytecode = True
SCRIPT = str(pathlib.Path(__file__).resolve().parent.parent / "prose")
loader = importlib.machinery.SourceFileLoader("prose", SCRIPT)
prose = importlib.util.module_from_spec(importlib.util.spec_from_loader("prose", loader))
sys.modules["prose"] = prose
loader.exec_module(prose)

LONG = " ".join(["word"] * 30)
ROW, REST = " ".join(["word"] * 19), " ".join(["word"] * 11)


class Prose(unittest.TestCase):
    def check(self, name, text, expected, wrong=0):
        """The text after `--fix`, and how many lines are still too long."""
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.write_text(text)
            left = prose.check(path, fix=True)
            self.assertEqual(path.read_text(), expected)
            self.assertEqual(len(left), wrong, left)
            # Once more changes nothing.
            prose.check(path, fix=True)
            self.assertEqual(path.read_text(), expected)

    def stays(self, name, text, wrong=0):
        self.check(name, text, text, wrong)

    def test_a_paragraph_of_a_comment_is_rewrapped_with_its_prefix(self):
        for prefix in ("//!", "///", "//"):
            text = f"{prefix} {LONG}\nfn f() {{}}\n"
            self.check("a.rs", text, f"{prefix} {ROW}\n{prefix} {REST}\nfn f() {{}}\n")
        self.check("a.rs", f"    // {LONG}\n", f"    // {ROW[:-5]}\n    // word {REST}\n")
        self.check("a.sh", f"# {LONG}\n", f"# {ROW}\n# {REST}\n")

    def test_paragraphs_stay_apart_and_short_ones_stay_as_they_are(self):
        short = "/// one\n/// two\n///\n"
        self.check("a.rs", f"{short}/// {LONG}\n", f"{short}/// {ROW}\n/// {REST}\n")

    def test_lists_keep_their_indent(self):
        self.check("a.md", f"- {LONG}\n- b\n", f"- {ROW}\n  {REST}\n- b\n")
        self.check("a.md", f"10. {LONG}\n", f"10. {ROW}\n    {REST}\n")
        self.check("a.rs", f"/// 1. {LONG}\n", f"/// 1. {ROW[:-5]}\n///    word {REST}\n")

    def test_the_indent_of_an_item_counts(self):
        # 99 columns of words behind an indent of 2.
        row = ROW + " word"
        self.check("a.md", f"- first\n  {row}\n", f"- first {ROW[:-5]}\n  word word\n")

    def test_code_tables_headings_and_links_are_no_prose(self):
        self.stays("a.md", f"```text\n{LONG}\n```\n")
        self.stays("a.md", f"| {LONG} |\n| --- |\n")
        self.stays("a.md", f"a\n\n    {LONG}\n")
        self.stays("a.md", f"[a]: https://example.test/{'a' * 100}\n")
        self.stays("a.md", f"# {LONG}\n", wrong=1)
        self.stays("a.rs", f"/// ```\n/// {LONG}\n/// ```\n")

    def test_what_cannot_be_broken_may_be_longer(self):
        self.stays("a.md", "a" * 120 + "\n")
        self.check("a.md", f"{'a' * 99} `{'a ' * 20}a`\n", f"{'a' * 99}\n`{'a ' * 20}a`\n")

    def test_no_line_begins_with_what_would_be_markup(self):
        text = " ".join(["word"] * 19 + ["word", "-", "x"] * 5)
        self.check("a.md", text + "\n", f"{ROW}\n{' '.join(['word - x'] * 5)}\n")
        row = "a" * 99
        self.check("a.md", f"{row} - b\n", f"{row} -\nb\n")

    def test_comments_in_strings_are_text_and_those_behind_code_are_only_reported(self):
        self.stays("a.rs", f'const A: &str = "\n// {LONG}\n";\n')
        self.stays("a.rs", f'const A: &str = r#"" \n// {LONG}\n"#;\n')
        self.stays("a.rs", f"let a = '\"'; // {LONG}\n", wrong=1)

    def test_an_example_of_variables_has_comments(self):
        self.check(".env.example", f"# {LONG}\nA=1\n", f"# {ROW}\n# {REST}\nA=1\n")
        self.stays(".env.example", f"# A={LONG.replace(' ', '')}\nB={LONG}\n")

    def test_a_style_sheet_has_comments_and_a_page_is_text(self):
        self.stays("a.css", f"/* {LONG} */\n", wrong=1)
        self.stays("a.css", f"/* a\n   {LONG}\n   {LONG} */ b {{}}\n", wrong=2)
        self.stays("a.css", f"a {{ b: {LONG}; }}\nc {{ d: '/* {LONG}'; }}\n")
        self.stays("a.html", f"<p>{LONG}</p>\n<p>a</p>\n", wrong=1)

    def test_pages_and_examples_of_variables_are_looked_at(self):
        names = {path.name for path in prose.files(["breaker-axum", "examples"])}
        for name in ("index.html", "dashboard.css", ".env.example"):
            self.assertIn(name, names)

    def test_columns_of_a_usage_hang(self):
        text = f"#   scripts/a  {LONG}\n"
        first, rest = " ".join(["word"] * 17), " ".join(["word"] * 13)
        self.check("a.sh", text, f"#   scripts/a  {first}\n#              {rest}\n")

    def long(self, name, text):
        """The long sentences of a file: the line and the words of each."""
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.write_text(text)
            return [(line, count) for line, count, _ in prose.long_sentences(path)]

    def test_long_sentences_are_found(self):
        self.assertEqual(self.long("a.md", f"Short. {LONG}. Short again.\n"), [(1, 30)])
        self.assertEqual(self.long("a.md", f"Short.\nShort. {ROW}\n{REST}.\n"), [(2, 30)])
        self.assertEqual(self.long("a.rs", f"fn f() {{}}\n/// {ROW}\n/// {REST}.\n"), [(2, 30)])
        self.assertEqual(self.long("a.md", f"{' '.join(['word'] * 25)}.\n"), [])
        self.assertEqual(self.long("a.md", f"{' '.join(['word'] * 26)}.\n"), [(1, 26)])

    def test_a_sentence_ends_with_its_paragraph_item_or_heading(self):
        half = " ".join(["word"] * 15)
        self.assertEqual(self.long("a.md", f"# {half}\n{half}:\n\n- {half}\n- {half}\n\n{half}\n"), [])
        self.assertEqual(self.long("a.md", f"{LONG}:\n\n- {LONG}\n  {half}\n"), [(1, 30), (3, 45)])
        self.assertEqual(self.long("a.rs", f"/// {half}\n///\n/// {half}\n// {half}\n"), [])

    def test_a_sentence_may_end_in_brackets_quotes_and_emphasis(self):
        half = " ".join(["word"] * 15)
        for end in (".", "!", "?", ".)", ".**", '."', ".\u201d", " (`a.b()`).", " [a](b.md).", " [a][b]."):
            self.assertEqual(self.long("a.md", f"{half}{end} {half}.\n"), [], end)
        for end in (",", ";", ":", " `a.`", " 1.2", " e.g.", " (i.e.", " vs.", " etc.", " a, ..", " a.md"):
            self.assertEqual(len(self.long("a.md", f"{half}{end} {half}.\n")), 1, end)
        for end in (" etc.", " a, .."):
            self.assertEqual(self.long("a.md", f"{half}{end} Then {half}.\n"), [], end)

    def test_code_and_links_count_as_they_are_read(self):
        words = " ".join(["word"] * 24)
        self.assertEqual(self.long("a.md", f"{words} `a {LONG}. b`.\n"), [])
        self.assertEqual(self.long("a.md", f"{words} ``a ` {LONG}``.\n"), [])
        self.assertEqual(self.long("a.md", f"{words} `a {ROW}\n{REST}`.\n"), [])
        self.assertEqual(self.long("a.md", f"{words} [word](a.md#b \"{LONG}\").\n"), [])
        self.assertEqual(self.long("a.md", f"{words} [word][a b c].\n"), [])
        self.assertEqual(self.long("a.md", f"{words} [one two][a].\n"), [(1, 26)])
        self.assertEqual(self.long("a.md", f"{words} - word = & +.\n"), [])

    def test_tables_code_blocks_and_definitions_are_no_sentences(self):
        self.assertEqual(self.long("a.md", f"| {LONG} |\n| --- |\n| {LONG} |\n"), [])
        self.assertEqual(self.long("a.md", f"```text\n{LONG}\n```\n"), [])
        self.assertEqual(self.long("a.md", f"[a]: b.md \"{LONG}\"\n"), [])
        self.assertEqual(self.long("a.rs", f"/// ```\n/// {LONG}\n/// ```\nlet a = \"{LONG}\";\n"), [])

    def test_only_a_strict_run_fails(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "a.md"
            for text, ends in ((f"{LONG}.\n", (0, 1)), ("Short.\n", (0, 0))):
                path.write_text(text)
                for mode, expected in zip(([], ["--strict"]), ends):
                    arguments = [SCRIPT, "--sentences", *mode]
                    with unittest.mock.patch.multiple(prose, files=lambda _: [path]), \
                            unittest.mock.patch.object(sys, "argv", arguments), \
                            contextlib.redirect_stdout(io.StringIO()), \
                            contextlib.redirect_stderr(io.StringIO()):
                        self.assertEqual(prose.main(), expected)


if __name__ == "__main__":
    unittest.main()
