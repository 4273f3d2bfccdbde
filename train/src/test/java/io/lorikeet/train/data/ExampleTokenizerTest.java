package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.train.Events;
import io.lorikeet.train.TrainingConfig.TooLong;
import io.lorikeet.train.TrainingConfig.TrainOn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExampleTokenizerTest {

  @Test
  void textIsLearnedFromItsFirstTokenOn() {
    TokenizedExample tokenized =
        one(bytes(10, TooLong.CUT), new Example(null, "ab", false, "f", 3));
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
    assertArrayEquals(new boolean[] {false, false, false, false, true, true}, tokenized.trained());
    ExampleTokenizer all =
        new ExampleTokenizer(TestEncodings.bytes(), 10, TooLong.CUT, TrainOn.ALL);
    assertEquals(5, one(all, prompted("abc", "d")).targets());
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
    assertTrue(tokenizer.tokenize(prompted("abcde", "f")).isEmpty());
    assertEquals(2, tokenizer.cut());
    assertEquals(1, tokenizer.left());
    Events events = new Events();
    tokenizer.report(events);
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
    assertEquals(7, one(tokenizer, new Example("a", "<end>", false, "f", 8)).places());
    Events events = new Events();
    tokenizer.report(events);
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
    assertTrue(tokenizer.tokenize(text("a")).isEmpty());
    Events events = new Events();
    tokenizer.report(events);
    assertEquals(2, events.warnings().size(), events.warnings()::toString);
  }

  @Test
  void dropsWhatIsTooLongWhereAsked() {
    ExampleTokenizer tokenizer = bytes(5, TooLong.DROP);
    assertTrue(tokenizer.tokenize(text("abcdefgh")).isEmpty());
    assertEquals(1, tokenizer.tokenize(text("abcd")).size());
    assertEquals(1, tokenizer.left());
    assertEquals(0, tokenizer.cut());
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
          tokenizer.tokenize(new Example(null, text, true, "book.txt", 1));
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
    List<TokenizedExample> tokenized = tokenizer.tokenize(example);
    assertEquals(1, tokenized.size());
    return tokenized.getFirst();
  }

  private static Example text(String text) {
    return new Example(null, text, false, "f", 1);
  }

  private static Example prompted(String prompt, String completion) {
    return new Example(prompt, completion, false, "f", 1);
  }
}
