package io.lorikeet.models.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class ChatSessionTest {
  private static final ChatTemplate TEMPLATE =
      ChatTemplate.of(
          "test", "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant]");
  private static final TextGenerator.Sampling LIKELIEST = new TextGenerator.Sampling(8, 0, 1);

  @TempDir private Path folder;

  private ChatSession open(int context) throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    return ChatSession.open(base, TEMPLATE, Optional.empty(), context, 1);
  }

  @Test
  void reusesWhatWasComputed() throws IOException {
    try (ChatSession session = open(200)) {
      ChatSession.Reply first = session.say("a b c", LIKELIEST, () -> false, _ -> {});
      assertEquals(0, first.reusedTokens());
      ChatSession.Reply second = session.say("d e", LIKELIEST, () -> false, _ -> {});
      assertTrue(second.reusedTokens() >= first.promptTokens() - 1, second.toString());
      assertTrue(second.reusedTokens() < second.promptTokens());

      // The same conversation without anything to reuse gives the same reply.
      try (ChatSession fresh = open(200)) {
        fresh.say("a b c", LIKELIEST, () -> false, _ -> {});
        fresh.reset();
        fresh.say("something else", LIKELIEST, () -> false, _ -> {});
        fresh.reset();
        assertEquals(first.text(), fresh.say("a b c", LIKELIEST, () -> false, _ -> {}).text());
        assertEquals(second.text(), fresh.say("d e", LIKELIEST, () -> false, _ -> {}).text());
      }
    }
  }

  @Test
  void stopsWhenAsked() throws IOException {
    try (ChatSession session = open(200)) {
      AtomicInteger asked = new AtomicInteger();
      ChatSession.Reply reply =
          session.say("a b c", LIKELIEST, () -> asked.getAndIncrement() == 3, _ -> {});
      assertEquals(3, reply.tokens());
      assertEquals(2, session.history().size());
      assertEquals(reply.text(), session.history().getLast().text());
    }
  }

  @Test
  void whatDoesntFitWasNotSaid() throws IOException {
    try (ChatSession session = open(24)) {
      assertThrows(
          InvalidInputException.class,
          () -> session.say("a b c d e f g h i j k l m n o p q", LIKELIEST, () -> false, _ -> {}));
      assertTrue(session.history().isEmpty());
      assertThrows(InvalidInputException.class, () -> session.scale("none", 1));
    }
  }
}
