package io.lorikeet.train.data;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.text.template.Rendering;
import io.lorikeet.train.data.Tokenized.ChatRemark;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Makes tokens of conversations, and marks those that an assistant's turns consist of: from where
/// the server's prompt for the turn ends up to the token that ends the turn.
///
/// Each turn is rendered and tokenized exactly as the server would have had it before it. Where the
/// tokens of one turn's prompt go on from those of the turn before, the turns share one sequence.
/// Otherwise the turn begins a sequence of its own: the template drops earlier thoughts, or renders
/// the last turn in another way, or characters merge into other tokens. So every trained token is
/// preceded by exactly the tokens that precede it when the model is served.
///
/// Each turn takes the time of rendering all messages before it. Once the prompt of a turn has as
/// many tokens as are wanted, only the last turn is rendered. Where its prompt begins with that
/// one, so do those between, and none of their tokens are wanted.
final class ConversationTokenizer {
  private final ChatEncoding encoding;
  private final TrainOn trainOn;
  private final int wanted;

  /// @param wanted tokens at the beginning of a sequence behind which no marks are needed
  ConversationTokenizer(ChatEncoding encoding, TrainOn trainOn, int wanted) {
    this.encoding = encoding;
    this.trainOn = trainOn;
    this.wanted = wanted;
  }

  /// A sequence of tokens, and their weights in the loss.
  record Sequence(int[] tokens, float[] weights) {}

  /// The sequences of a conversation.
  ///
  /// @param sequences one, or several where one isn't all that the server would have seen; none
  ///     where nothing is to be learned
  /// @param spellsControl whether a message spells the name of a control token
  record TokenizedConversation(
      List<Sequence> sequences, boolean spellsControl, Set<ChatRemark> remarks) {}

  /// @throws io.lorikeet.models.text.template.TemplateException when the template refuses it
  TokenizedConversation tokenize(Conversation conversation) {
    if (trainOn == TrainOn.ALL) {
      return everything(conversation);
    }
    Set<ChatRemark> remarks = EnumSet.noneOf(ChatRemark.class);
    List<Integer> turns = turns(conversation.messages(), remarks);
    List<TurnText> written = new ArrayList<>();
    List<Sequence> sequences = new ArrayList<>();
    boolean asked = false; // whether the last turn goes on from one that is cut away
    for (int index : turns) {
      Optional<TurnText> turn = turn(conversation, index);
      if (turn.isEmpty()) {
        continue;
      }
      Message message = conversation.messages().get(index);
      written.add(turn.get());
      remark(message, turn.get(), remarks);
      int prompt = append(sequences, turn.get(), message);
      if (!asked && prompt >= wanted) {
        asked = true;
        Optional<TurnText> last = turn(conversation, turns.getLast());
        if (last.isPresent() && goesOn(turn.get(), last.get())) {
          append(sequences, last.get(), conversation.messages().get(turns.getLast()));
          break;
        }
      }
    }
    if (written.isEmpty() && !turns.isEmpty()) {
      remarks.add(ChatRemark.CALLS_LEFT_OUT);
    } else if (sequences.isEmpty() && !turns.isEmpty()) {
      remarks.add(ChatRemark.WITHOUT_THOUGHTS);
    }
    if (sequences.size() > 1) {
      remarks.add(ChatRemark.SEPARATE_TURNS);
    }
    boolean spellsControl =
        written.stream().anyMatch(turn -> encoding.tokenizer().spellsControl(turn.whole()));
    return new TokenizedConversation(sequences, spellsControl, remarks);
  }

  /// A turn; empty where it is a call that the template leaves out, or it would be learned to say
  /// nothing where a tool should be called.
  private Optional<TurnText> turn(Conversation conversation, int index) {
    TurnText turn = TurnText.of(conversation, index, encoding);
    boolean calls = !conversation.messages().get(index).toolCalls().isEmpty();
    return calls && !turn.writes(index) ? Optional.empty() : Optional.of(turn);
  }

  private static void remark(Message message, TurnText turn, Set<ChatRemark> remarks) {
    if (!turn.ends()) {
      remarks.add(ChatRemark.NO_END_OF_TURN);
    }
    if (!turn.served()) {
      remarks.add(ChatRemark.OTHER_PROMPT);
    }
    if (losesThoughts(message, turn)) {
      remarks.add(ChatRemark.NO_THOUGHTS);
    }
  }

  private static boolean losesThoughts(Message message, TurnText turn) {
    String written = turn.whole().text().substring(turn.start());
    return message.reasoning().filter(thoughts -> !written.contains(thoughts.strip())).isPresent();
  }

  private TokenizedConversation everything(Conversation conversation) {
    Rendering text = encoding.template().render(conversation, false);
    int[] tokens = encoding.tokenizer().encode(text);
    float[] weights = new float[tokens.length];
    Arrays.fill(weights, Math.min(1, tokens.length), tokens.length, 1);
    boolean spellsControl = encoding.tokenizer().spellsControl(text);
    return new TokenizedConversation(
        List.of(new Sequence(tokens, weights)), spellsControl, Set.of());
  }

  /// The messages to learn.
  ///
  /// @param remarks takes the reason where there are none
  private List<Integer> turns(List<Message> messages, Set<ChatRemark> remarks) {
    List<Integer> turns = new ArrayList<>();
    int lastUser = -1;
    for (int i = 0; i < messages.size(); i++) {
      Message message = messages.get(i);
      lastUser = message.role().equals("user") ? i : lastUser;
      if (message.isLearned()) {
        turns.add(i);
      }
    }
    int from = lastUser;
    List<Integer> learned =
        switch (trainOn) {
          case LAST_TURN -> turns.subList(Math.max(0, turns.size() - 1), turns.size());
          case COMPLETION -> turns.stream().filter(turn -> turn > from).toList();
          case ASSISTANT, ALL, THOUGHTS, ANSWERS -> turns;
        };
    if (learned.isEmpty()) {
      remarks.add(turns.isEmpty() ? ChatRemark.NONE_TRAINED : ChatRemark.NO_COMPLETION);
    }
    return learned;
  }

  /// Whether the prompt of a later turn begins with that of an earlier one.
  private static boolean goesOn(TurnText turn, TurnText later) {
    String prompt = turn.whole().text().substring(0, turn.start());
    return later.start() >= turn.start() && later.whole().text().startsWith(prompt);
  }

  /// Adds a turn to the sequence before it, if that is how its prompt begins, or else as a
  /// sequence. A turn of which nothing is to be learned isn't added.
  ///
  /// @return tokens of its prompt
  private int append(List<Sequence> sequences, TurnText turn, Message message) {
    int[] prompt = encoding.tokenizer().encode(turn.whole().part(0, turn.start()));
    int[] tokens = Tokens.concatenate(prompt, written(turn, prompt));
    int thoughts = thoughts(turn, message, prompt, tokens);
    int from = trainOn == TrainOn.ANSWERS ? thoughts : prompt.length;
    int to = trainOn == TrainOn.THOUGHTS ? thoughts : tokens.length;
    if (to <= prompt.length) {
      return prompt.length;
    }
    float[] weights = new float[tokens.length];
    if (!sequences.isEmpty() && Tokens.startsWith(prompt, sequences.getLast().tokens())) {
      float[] before = sequences.removeLast().weights();
      System.arraycopy(before, 0, weights, 0, before.length);
    }
    float weight = message.weight().orElse(1.0).floatValue();
    Arrays.fill(weights, Math.max(1, from), Math.max(1, to), weight);
    sequences.add(new Sequence(tokens, weights));
    return prompt.length;
  }

  /// Where a turn's thoughts end among its tokens; where the prompt does if it has none.
  private int thoughts(TurnText turn, Message message, int[] prompt, int[] tokens) {
    if (trainOn != TrainOn.THOUGHTS && trainOn != TrainOn.ANSWERS) {
      return prompt.length;
    }
    Rendering whole = turn.whole();
    String written = whole.text().substring(turn.start());
    String before = whole.text().substring(0, turn.start());
    int length = Thoughts.end(written, before, message.reasoning());
    boolean empty = Thoughts.isEmpty(written.substring(0, length));
    if (length == 0 || empty && trainOn == TrainOn.THOUGHTS) {
      return prompt.length;
    }
    int[] first = encoding.tokenizer().encode(whole.part(0, turn.start() + length));
    if (!Tokens.startsWith(first, prompt)) {
      Rendering thoughts = whole.part(turn.start(), turn.start() + length);
      first = Tokens.concatenate(prompt, encoding.tokenizer().encodeInside(thoughts));
    }
    return Tokens.common(first, tokens);
  }

  /// The tokens that the model is to write after the prompt's. Those of the whole are used where
  /// they begin with the prompt's. Else characters on both sides merge into one token. At inference
  /// the prompt is tokenized before the answer exists, so the answer is tokenized by itself here
  /// too.
  private int[] written(TurnText turn, int[] prompt) {
    Rendering whole = turn.whole();
    int[] all = encoding.tokenizer().encode(whole);
    int[] written =
        Tokens.startsWith(all, prompt)
            ? Tokens.after(all, prompt.length)
            : encoding.tokenizer().encodeInside(whole.part(turn.start(), whole.text().length()));
    return turn.ends() ? written : Tokens.concatenate(written, encoding.end().stream().toArray());
  }
}
