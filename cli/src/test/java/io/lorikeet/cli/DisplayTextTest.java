package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class DisplayTextTest {

  @Test
  void widthCountsColumns() {
    assertEquals(5, DisplayText.columns("abcde"));
    assertEquals(8, DisplayText.columns("日本語 é"));
    assertEquals(1, DisplayText.columns("e\u0301"));
    assertEquals(2, DisplayText.columns("한"));
    assertEquals(2, DisplayText.columns("😀"));
    assertEquals(1, DisplayText.columns("ｱ"));
    assertEquals(2, DisplayText.columns("Ａ"));
  }

  @Test
  void whatDoesntFitIsCut() {
    assertEquals("abc", DisplayText.fit("abc", 3));
    assertEquals("ab…", DisplayText.fit("abcd", 3));
    assertEquals("日…", DisplayText.fit("日本語", 4));
    assertEquals("日本…", DisplayText.fit("日本語", 5));
    assertEquals("", DisplayText.fit("abc", 0));
    assertEquals("a?[31mb", DisplayText.fit("a\u001b[31mb", 20));
  }

  @Test
  void sentencesBreakAtWords() {
    assertEquals(List.of("one two"), DisplayText.wrap("one two", 7));
    assertEquals(
        List.of("warning: two lines", "  were cut"),
        DisplayText.wrap("warning: two lines were cut", 20));
    assertEquals(List.of("a", "", "b"), DisplayText.wrap("a\n\nb", 20));
    assertEquals(List.of("  - one", "    two"), DisplayText.wrap("  - one two", 8));
    assertEquals(List.of("日本語", "  日本"), DisplayText.wrap("日本語 日本", 8));
  }

  @Test
  void pathsAndQuotedCommandsStayWhole() {
    assertEquals(
        List.of("in", "  /a/very/long/path", "  it is"),
        DisplayText.wrap("in /a/very/long/path it is", 10));
    assertEquals(
        List.of("it isn't", "  'lorikeet train --resume a-run',", "  so"),
        DisplayText.wrap("it isn't 'lorikeet train --resume a-run', so", 12));
    assertEquals(
        List.of("go on with:", "  lorikeet train --resume a-run"),
        DisplayText.wrap("go on with: lorikeet train --resume a-run", 20));
  }

  @Test
  void rowsKeepTheirColumns() {
    assertEquals(
        List.of("training loss    7.0 before, 0.5", "                 after (means)"),
        DisplayText.wrap("training loss    7.0 before, 0.5 after (means)", 37));
    assertEquals(
        List.of("training loss 7.0 before,", "  0.5 after"),
        DisplayText.wrap("training loss    7.0 before, 0.5 after", 26));
    assertEquals(
        List.of("next             lorikeet generate --model a"),
        DisplayText.wrap("next             lorikeet generate --model a", 37));
  }
}
