package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.train.event.Events;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Tables as Excel, LibreOffice and pandas write them.
class TableHeaderTest {
  private static final List<Example.Content> PAIR = List.of(new Example.Completion("a", "b, c; d"));

  @TempDir Path folder;
  private final Events events = new Events();
  private ReadFiles files;

  @BeforeEach
  void prepare() {
    files = new ReadFiles(folder, events);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "prompt,completion\na,\"b, c; d\"\n",
        "prompt;completion\na;\"b, c; d\"\n",
        "prompt\tcompletion\na\tb, c; d\n",
        "\"prompt\",\"completion\"\r\n\"a\",\"b, c; d\"\r\n",
        "\"prompt\";\"completion\";\"note, long\"\n\"a\";\"b, c; d\";\"x\"\n",
        "prompt;completion;note, long\na;\"b, c; d\";x\n", // in quotes only for its own separator
        "\"a;note\",prompt,completion\n1,a,\"b, c; d\"\n",
        "sep=;\nprompt;completion\na;\"b, c; d\"\n",
        "\uFEFFSEP=|\r\nprompt|completion\r\na|b, c; d\r\n",
        "\"sep=,\"\nprompt,completion\na,\"b, c; d\"\n",
        "sep=\t\nprompt\tcompletion\na\tb, c; d\n",
        "prompt,completion,,\na,\"b, c; d\",,\n",
        "prompt,completion,,\na,\"b, c; d\"\n",
        "prompt,completion\na,\"b, c; d\",,\n",
        ",prompt,completion\n0,a,\"b, c; d\"\n", // pandas' index
        "note,prompt,note,completion\n1,a,2,\"b, c; d\"\n",
        "note,,prompt,note, ,completion\n1,x,a,2,y,\"b, c; d\"\n",
      })
  void readsWhatProgramsWrite(String table) throws IOException {
    assertEquals(PAIR, files.contents("data.csv", table));
  }

  @Test
  void knowsTheLinesBehindADeclaration() {
    String message = files.refusal("data.csv", "sep=;\nprompt;completion\na;b\nc;\n");
    assertTrue(message.contains("data.csv:4: 'completion' is empty"), message);
    message = files.refusal("data.csv", "sep=;\ntext;text\na;b\n");
    assertTrue(message.contains("data.csv:2: several columns have the same name: text"), message);
  }

  @Test
  void readsColumnsWithSeparatorsInTheirNames() throws IOException {
    ReadFiles mapped =
        new ReadFiles(
            folder, events, Map.of("question", "question, long", "answer", "the \"answer\""));
    assertEquals(
        List.of(new Example.Completion("Question: a\nAnswer:", " b")),
        mapped.contents("data.csv", "\"question, long\";\"the \"\"answer\"\"\"\n\"a\";\"b\"\n"));
  }

  /// Rows of several layouts in one table, each with cells under its own columns.
  @Test
  void emptyCellsAreNoValues() throws IOException {
    String table =
        """
        prompt,completion,chosen,rejected,messages,text
        a,b,,,,
        ,c,,,,
        p,,q,r,,
        ,,,,"[{""role"":""user"",""content"":""u""},{""role"":""assistant"",""content"":""v""}]",
        ,,,,,t
        """;
    List<Example.Content> read = files.contents("data.csv", table);
    assertEquals(new Example.Completion("a", "b"), read.get(0));
    assertEquals(new Example.Completion("", "c"), read.get(1));
    assertEquals(
        new Example.Preference(new Example.Completion("p", "q"), new Example.Completion("p", "r")),
        read.get(2));
    assertEquals("user\nu\nassistant\nv", read.get(3).words());
    assertEquals(new Example.PlainText("t"), read.get(4));
    String message = files.refusal("data.csv", "prompt,completion\na,\n");
    assertTrue(message.contains("data.csv:2: 'completion' is empty"), message);
  }

  @Test
  void mistakesAreToldInOwnWords() {
    String message = files.refusal("data.csv", "text\n\"a\n");
    assertTrue(message.contains("a quote that isn't closed"), message);
    message = files.refusal("data.csv", "text,b\n\"a\"x,y\n");
    assertTrue(message.contains("data.csv:2: ") && message.contains("followed by ','"), message);
  }
}
