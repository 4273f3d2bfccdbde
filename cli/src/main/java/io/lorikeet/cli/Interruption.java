package io.lorikeet.cli;

import io.lorikeet.cli.terminal.ProcessSignals;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/// The handling of Ctrl-C and SIGTERM. The Java runtime answers them by its shutdown hooks, and
/// ends with exit code 130 or 143 when those are done, while all other threads go on. A command
/// that can end well is asked to, and the hook waits for it.
///
/// A second signal would only wait for the same hooks. So the first one gives both signals their
/// default meaning back: the second ends the process at once.
final class Interruption {
  private final Screen screen;
  private volatile Optional<Runnable> request = Optional.empty();
  private final CountDownLatch ended = new CountDownLatch(1);

  /// @param screen where the passing line ends first
  Interruption(Screen screen) {
    this.screen = screen;
  }

  /// How the command that runs now is asked to end; it has to do so before long.
  void onArrival(Runnable ask) {
    request = Optional.of(ask);
  }

  /// There is nothing to be saved any more.
  void leaveAtOnce() {
    request = Optional.empty();
  }

  /// The shutdown hook.
  void arrive() {
    if (ended.getCount() == 0) {
      return;
    }
    Optional<Runnable> ask = request;
    if (ask.isEmpty()) {
      screen.close();
    }
    boolean lineEnded = screen.endLine();
    boolean afterKey = !lineEnded && screen.hasPassingLine(); // the terminal shows ^C
    System.err.println((afterKey ? System.lineSeparator() : "") + "lorikeet: interrupted");
    if (ask.isEmpty()) {
      return;
    }
    ProcessSignals.restoreDefaults();
    String meanwhile = "finishing the step, then saving its state; once more leaves at once";
    DisplayText.wrap(meanwhile, screen.errorWidth().orElse(Integer.MAX_VALUE))
        .forEach(System.err::println);
    ask.get().run();
    try {
      ended.await();
    } catch (InterruptedException _) {
      // nobody interrupts a hook; if somebody does, the process may end
    }
  }

  /// The command has ended and said all it had to say.
  void tooLate() {
    ended.countDown();
  }
}
