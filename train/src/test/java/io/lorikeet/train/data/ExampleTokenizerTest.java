package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.data.files.SourceLine;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExampleTokenizerTest {

  @Test
  void textIsLearnedFromItsFirstTokenOn() {
    TokenizedExample tokenized =
        one(bytes(10, TooLong.CUT), new Example(new Example.PlainText("ab"), "f", 3));
    assertArrayEquals(
        new int[] {TestEncodings.BEGIN, 'a', 'b', TestEncodings.END}, tokenized.tokens());
    assertEquals(3, tokenized.targets());
    assertEquals(3, tokenized.line());
  }

  @Test
  void onlyTheCompletionOfAPromptIsLearned() {
    TokenizedExample tokenized = one(bytes(10, TooLong.CUT), prompted("abc", "d"));
    assertArrayEquals(
        new int[] {TestEncodings.BEGIN, 'a', 'b', 'c', 'd', TestEncodings.END}, tokenized.tokens());
    assertArrayEquals(new float[] {0, 0, 0, 0, 1, 1}, tokenized.weights());
    ExampleTokenizer all =
        new ExampleTokenizer(TestEncodings.bytes(), 10, TooLong.CUT, TrainOn.ALL);
    assertEquals(5, one(all, prompted("abc", "d")).targets());
  }

  @Test
  void thoughtsOfACompletion() {
    String completion = "<think>\nHm.\n</think>\n\nSo";
    Example example = prompted("ab", completion);
    TokenizedExample answers = one(trainOn(TrainOn.ANSWERS), example);
    assertEquals("So".length() + 1, answers.targets());
    assertTrue(answers.trains(answers.tokens().length - 3));
    TokenizedExample thoughts = one(trainOn(TrainOn.THOUGHTS), example);
    assertEquals(completion.length() - "So".length(), thoughts.targets());
    assertTrue(thoughts.trains(3));
    Example opened = prompted("ab<think>\n", "Hm.</think>So");
    assertEquals("Hm.</think>".length(), one(trainOn(TrainOn.THOUGHTS), opened).targets());
    for (String without : List.of("So", "<think>\n</think>So", "a</think>So")) {
      Tokenized none = trainOn(TrainOn.THOUGHTS).tokenize(prompted("ab", without));
      assertEquals(List.of(), none.examples(), without);
      assertEquals(Set.of(Tokenized.ChatRemark.WITHOUT_THOUGHTS), none.remarks(), without);
    }
  }

  private static ExampleTokenizer trainOn(TrainOn trainOn) {
    return new ExampleTokenizer(TestEncodings.bytes(), 100, TooLong.CUT, trainOn);
  }

  @Test
  void anEmptyPromptIsTheBeginTokenAlone() {
    assertEquals(2, one(bytes(10, TooLong.CUT), prompted("", "d")).targets());
  }

  /// The prompt's tokens are what inference gives the model, whatever follows.
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void thePromptIsTokenizedAsItStandsAlone(boolean addsSpace) {
    TestEncodings.Words words = new TestEncodings.Words(addsSpace);
    ExampleTokenizer tokenizer =
        new ExampleTokenizer(words.encoding(), 100, TooLong.CUT, TrainOn.COMPLETION);
    String start = addsSpace ? "<begin>| A|:" : "<begin>|A|:";
    assertEquals(
        start + "| bar|<end>", words.show(one(tokenizer, prompted("A:", " bar")).tokens()));
    // "A: bar" is " A", ":", " bar", but with the prompt's last space given the model goes on with
    // "bar".
    assertEquals(
        start + "| |bar|<end>", words.show(one(tokenizer, prompted("A: ", "bar")).tokens()));
    assertEquals(
        start + "|\n|bar|<end>", words.show(one(tokenizer, prompted("A:\n", "bar")).tokens()));
    // Line breaks melt here, so "\n" is no guard for a completion that begins with one.
    assertEquals(
        start + "|\n|\n|bar|<end>", words.show(one(tokenizer, prompted("A:\n", "\nbar")).tokens()));
  }

  @Test
  void cutsWhatIsTooLongAndSaysSo() {
    ExampleTokenizer tokenizer = bytes(5, TooLong.CUT);
    assertEquals(5, one(tokenizer, text("abcd")).places());
    TokenizedExample tokenized = one(tokenizer, text("abcdefgh"));
    assertEquals(5, tokenized.places());
    assertArrayEquals(new int[] {TestEncodings.BEGIN, 'a', 'b', 'c', 'd', 'e'}, tokenized.tokens());
    // Four bytes and the begin token are five places: one token can still be learned.
    assertEquals(1, one(tokenizer, prompted("abcd", "efg")).targets());
    Tokenized none = tokenizer.tokenize(prompted("abcde", "f"));
    assertEquals(List.of(), none.examples());
    Events events =
        report(
            tokenizer,
            TooLong.CUT,
            text("abcdefgh"),
            prompted("abcd", "efg"),
            prompted("abcde", "f"));
    assertEquals(
        List.of(
            "2 examples longer than the context of 5 tokens: their end is cut off, the end token"
                + " with it",
            "1 example left out: their prompt alone fills the context of 5 tokens"),
        events.warnings());
  }

  @Test
  void warnsOfSpecialTokensThatAreSpelledOut() {
    ExampleTokenizer tokenizer = bytes(50, TooLong.CUT);
    Example example = new Example(new Example.Completion("a", "<end>"), "f", 8);
    assertEquals(7, one(tokenizer, example).places());
    Events events = report(tokenizer, TooLong.CUT, text("a"), example);
    assertEquals(
        List.of(
            "1 example spelling special tokens of the base, first at f:8: they are learned as plain"
                + " text, not as these tokens"),
        events.warnings());
  }

  @Test
  void warnsOfAVocabularyWithoutEnd() {
    TextEncoding endless =
        new TextEncoding(TestEncodings.bytes().encode(), OptionalInt.empty(), OptionalInt.empty());
    ExampleTokenizer tokenizer = new ExampleTokenizer(endless, 50, TooLong.CUT, TrainOn.COMPLETION);
    assertEquals(1, one(tokenizer, text("ab")).places());
    assertEquals(List.of(), tokenizer.tokenize(text("a")).examples());
    Events events = new Events();
    TokenizingReport report = new TokenizingReport(endless, 50, TooLong.CUT);
    report.add(new SourceLine("f", 1), tokenizer.tokenize(text("a")));
    report.report(events);
    assertEquals(2, events.warnings().size(), events.warnings()::toString);
  }

  @Test
  void dropsWhatIsTooLongWhereAsked() {
    ExampleTokenizer tokenizer = bytes(5, TooLong.DROP);
    assertEquals(Tokenized.Fate.DROPPED, tokenizer.tokenize(text("abcdefgh")).fate());
    assertEquals(Tokenized.Fate.WHOLE, tokenizer.tokenize(text("abcd")).fate());
    assertEquals(
        List.of("1 example longer than the context of 5 tokens: left out"),
        report(tokenizer, TooLong.DROP, text("abcdefgh")).warnings());
  }

  @Test
  void cutsTheBeginningWhereAsked() {
    ExampleTokenizer tokenizer = bytes(5, TooLong.CUT_LEFT);
    TokenizedExample text = one(tokenizer, text("abcdefgh"));
    assertArrayEquals(
        new int[] {TestEncodings.BEGIN, 'e', 'f', 'g', 'h', TestEncodings.END}, text.tokens());
    assertEquals(5, text.targets());
    TokenizedExample prompted = one(tokenizer, prompted("abcdefg", "h"));
    assertEquals(2, prompted.targets());
    assertArrayEquals(new float[] {0, 0, 0, 0, 1, 1}, prompted.weights());
    assertEquals(
        List.of("1 example longer than the context of 5 tokens: their beginning is cut off"),
        report(tokenizer, TooLong.CUT_LEFT, text("abcdefgh")).warnings());
  }

  /// Every token that has loss in the whole has it in one piece, and no other has.
  @Test
  void dividesWhereAsked() {
    ExampleTokenizer tokenizer = bytes(5, TooLong.SPLIT);
    Tokenized divided = tokenizer.tokenize(prompted("abcdefg", "hijkl"));
    assertEquals(Tokenized.Fate.DIVIDED, divided.fate());
    List<Integer> learned = new ArrayList<>();
    for (TokenizedExample piece : divided.examples()) {
      assertEquals(TestEncodings.BEGIN, piece.tokens()[0]);
      for (int i = 1; i < piece.tokens().length; i++) {
        if (piece.trains(i)) {
          learned.add(piece.tokens()[i]);
        }
      }
    }
    List<Integer> expected = new ArrayList<>("hijkl".chars().boxed().toList());
    expected.add(TestEncodings.END);
    assertEquals(expected, learned);
    assertEquals(
        List.of("1 example divided into 2 pieces that fill the context of 5 tokens"),
        report(tokenizer, TooLong.SPLIT, prompted("abcdefg", "hijkl")).notes());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void documentsAreDividedWithoutLosingAToken(boolean begin) {
    TextEncoding encoding = begin ? TestEncodings.bytes() : TestEncodings.bytesWithoutBegin();
    for (int length = 2; length < 40; length++) {
      ExampleTokenizer tokenizer =
          new ExampleTokenizer(encoding, 7, TooLong.CUT, TrainOn.COMPLETION);
      String text = "abcdefghijklmnopqrstuvwxyz0123456789ABCD".substring(0, length);
      List<TokenizedExample> pieces =
          tokenizer
              .tokenize(new Example(new Example.Document(text, true), "book.txt", 1))
              .examples();
      List<Integer> targets = new ArrayList<>();
      for (TokenizedExample piece : pieces) {
        assertTrue(piece.places() <= 7);
        Arrays.stream(piece.tokens()).skip(1).forEach(targets::add);
        assertEquals(piece.places(), piece.targets());
      }
      List<Integer> expected = new ArrayList<>(text.chars().boxed().toList());
      expected.add(TestEncodings.END);
      assertEquals(begin ? expected : expected.subList(1, expected.size()), targets);
    }
  }

  private static ExampleTokenizer bytes(int context, TooLong tooLong) {
    return new ExampleTokenizer(TestEncodings.bytes(), context, tooLong, TrainOn.COMPLETION);
  }

  private static TokenizedExample one(ExampleTokenizer tokenizer, Example example) {
    List<TokenizedExample> tokenized = tokenizer.tokenize(example).examples();
    assertEquals(1, tokenized.size());
    return tokenized.getFirst();
  }

  private static Example text(String text) {
    return new Example(new Example.PlainText(text), "f", 1);
  }

  private static Example prompted(String prompt, String completion) {
    return new Example(new Example.Completion(prompt, completion), "f", 1);
  }

  /// The messages about examples.
  private static Events report(ExampleTokenizer tokenizer, TooLong tooLong, Example... examples) {
    TokenizingReport report = new TokenizingReport(TestEncodings.bytes(), 5, tooLong);
    for (Example example : examples) {
      report.add(new SourceLine(example.source(), example.line()), tokenizer.tokenize(example));
    }
    Events events = new Events();
    report.report(events);
    return events;
  }
}
