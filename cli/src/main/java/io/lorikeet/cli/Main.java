package io.lorikeet.cli;

import io.lorikeet.cli.terminal.ProcessWatch;
import io.lorikeet.finetune.LorikeetVersion;
import io.lorikeet.finetune.Natives;
import io.lorikeet.quant.TemporaryFiles;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/// The command `lorikeet`: it holds the commands and the options that all of them have.
@Command(
    name = "lorikeet",
    description = {
      "QLoRA fine-tuning on GGUF bases: train an adapter on a 4-bit model, run it in llama.cpp.",
      "Files are given by option or by position: verify --model BASE --adapter ADAPTER is verify BASE ADAPTER."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    usageHelpAutoWidth = true,
    synopsisSubcommandLabel = "COMMAND",
    sortOptions = false,
    scope = ScopeType.INHERIT)
public final class Main implements Callable<Integer> {
  /// Megabytes below which Java does little else than collecting garbage.
  private static final int LEAST_HEAP = 32;

  @Spec private CommandSpec spec;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show the log of ggml and llama.cpp, and the stack trace of a failure.")
  private boolean verbose;

  @Option(
      names = "--native-dir",
      scope = ScopeType.INHERIT,
      paramLabel = "DIR",
      description = "Use the libraries of ggml and llama.cpp in this folder.")
  private @Nullable String nativeDirectory;

  private final Interruption interruption;
  private final Screen screen;

  Main(Interruption interruption, Screen screen) {
    this.interruption = interruption;
    this.screen = screen;
  }

  /// The program that a command belongs to.
  static Main of(CommandSpec command) {
    return (Main) command.root().userObject();
  }

  public static void main(String[] args) {
    if (List.of(args).equals(List.of("--version"))) {
      System.out.println(version()); // scripts ask for it, and nothing else is needed for it
      return;
    }
    ProcessWatch.begin();
    Natives.onAbort(ProcessWatch::end);
    Locale.setDefault(Locale.ROOT); // libraries format numbers for the user's language
    Screen screen = Screen.ofProcess();
    System.setErr(screen.beside(System.err));
    Interruption interruption = new Interruption(screen);
    TemporaryFiles.runAhead(interruption::arrive);
    PrintWriter out = new PrintWriter(System.out, true);
    PrintWriter err = new PrintWriter(System.err, true);
    Thread.setDefaultUncaughtExceptionHandler((_, e) -> leave(interruption, err, e));
    int exitCode =
        heapSuffices(err) ? run(new Main(interruption, screen), out, err, args) : Failure.BAD_INPUT;
    interruption.tooLate();
    System.exit(exitCode);
  }

  /// A thread died of what nobody expects, such as a full heap: others may wait for it forever.
  private static void leave(Interruption interruption, PrintWriter err, Throwable problem) {
    Failure failure = Failure.of(problem);
    err.println("lorikeet: " + failure.message());
    interruption.tooLate();
    System.exit(failure.exitCode());
  }

  private static boolean heapSuffices(PrintWriter err) {
    long megabytes = Runtime.getRuntime().maxMemory() >> 20;
    if (megabytes < LEAST_HEAP) {
      err.println(
          "lorikeet: Java's heap may have %s MB, and needs %s at least. Give -Xmx in LORIKEET_JAVA_OPTS more, or leave it out"
              .formatted(megabytes, LEAST_HEAP));
    }
    return megabytes >= LEAST_HEAP;
  }

  /// Runs one command.
  ///
  /// @param out where results and progress go
  /// @param err where errors go
  /// @return the exit code, see [Failure]
  static int run(PrintWriter out, PrintWriter err, String... args) {
    Screen screen = Screen.none();
    return run(new Main(new Interruption(screen), screen), out, err, args);
  }

  private static int run(Main main, PrintWriter rawOut, PrintWriter rawErr, String... args) {
    PrintWriter out = new PrintableWriter(rawOut);
    PrintWriter err = new PrintableWriter(rawErr);
    CommandLine commandLine =
        program(main, args)
            .setOut(out)
            .setErr(err)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExecutionStrategy(main::execute)
            .setParameterExceptionHandler(
                (e, _) -> Failure.of(e).report(e.getCommandLine(), e, main.verbose))
            .setExecutionExceptionHandler(
                (e, command, _) -> Failure.of(e).report(command, e, main.verbose));
    PositionalInputs.addTo(commandLine);
    try {
      return commandLine.execute(args);
    } catch (OutOfMemoryError | InternalError e) {
      return Failure.of(e).report(commandLine, e, main.verbose);
    } finally {
      out.flush();
      err.flush();
    }
  }

  /// The line of `--version`.
  static String version() {
    return "lorikeet " + LorikeetVersion.number();
  }

  /// The program with all its commands.
  static CommandLine program(Main main) {
    return program(main, Subject.allCommands());
  }

  /// The program with the command that comes first; describing all of them to picocli takes longer
  /// than most of them run.
  private static CommandLine program(Main main, String[] args) {
    String first = args.length > 0 ? args[0] : "";
    List<Class<?>> all = Subject.allCommands();
    List<Class<?>> named =
        all.stream()
            .filter(command -> command.getAnnotation(Command.class).name().equals(first))
            .toList();
    return program(main, named.isEmpty() ? all : named);
  }

  private static CommandLine program(Main main, List<Class<?>> commands) {
    CommandLine program = new CommandLine(main);
    commands.forEach(command -> program.addSubcommand(new CommandLine(command)));
    HelpLayout.applyTo(program);
    return program;
  }

  /// The handling of Ctrl-C and SIGTERM for the running command.
  Interruption interruption() {
    return interruption;
  }

  /// Where the command's output is watched.
  Screen screen() {
    return screen;
  }

  /// Applies the options of all commands before the command runs: logging and native libraries look
  /// at them once.
  private int execute(CommandLine.ParseResult parsed) {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", verbose ? "debug" : "warn");
    // Errors of llama.cpp come with the failure; its warnings are for its developers.
    System.setProperty("org.slf4j.simpleLogger.log.io.lorikeet.native", verbose ? "debug" : "off");
    System.setProperty("org.slf4j.simpleLogger.showThreadName", "false");
    System.setProperty("org.slf4j.simpleLogger.showShortLogName", "true");
    if (nativeDirectory != null) {
      if (!Files.isDirectory(Path.of(nativeDirectory))) {
        throw new CommandLine.ParameterException(
            spec.commandLine(), "--native-dir: there is no folder " + nativeDirectory);
      }
      System.setProperty("lorikeet.native.dir", nativeDirectory);
    }
    CommandLine.ParseResult command = parsed.hasSubcommand() ? parsed.subcommand() : parsed;
    if (!command.isUsageHelpRequested() && !command.isVersionHelpRequested()) {
      PositionalInputs.assign(command);
    }
    return new CommandLine.RunLast().execute(parsed);
  }

  @Override
  public Integer call() {
    throw new CommandLine.ParameterException(
        spec.commandLine(), "say what to do: lorikeet COMMAND");
  }
}
