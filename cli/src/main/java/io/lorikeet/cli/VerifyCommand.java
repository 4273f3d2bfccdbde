package io.lorikeet.cli;

import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.export.Verification;
import io.lorikeet.finetune.GradientProof;
import io.lorikeet.finetune.VerificationText;
import io.lorikeet.finetune.serving.LlamaServer;
import io.lorikeet.finetune.serving.ServerProof;
import io.lorikeet.finetune.text.ProofText;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet verify`.
@Command(
    name = "verify",
    description = {
      "Prove that llama.cpp does with an adapter what the trainer does.",
      "Compares what it changes in their logits, position by position, apart from the rounding that is there without it.",
      "With --merged, prove instead that a merged file does in llama.cpp what base and adapter do.",
      "With --server, prove that a running llama-server does with the adapter what it was trained to do, and say what"
          + " it does otherwise.",
      "With --gradients, hold the gradients of one batch of --data, computed as train would on this device and with"
          + " this memory, against the CPU's in F32."
    },
    exitCodeListHeading = ProofExitCode.EXIT_CODES,
    exitCodeList = {
      ProofExitCode.PROVEN,
      ProofExitCode.FAILED,
      ProofExitCode.BAD_INPUT,
      ProofExitCode.INCONCLUSIVE
    })
@Inputs(
    value = {"--model", "--adapter"},
    needed = 1)
final class VerifyCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private BaseOption model = new BaseOption();

  @Option(
      names = "--adapter",
      paramLabel = "FILE",
      description = "adapter, a GGUF file; for --merged with a :SCALE where it was merged with one")
  private @Nullable String adapter;

  @Option(
      names = "--merged",
      paramLabel = "FILE",
      description = "the file merged from base and adapter, a GGUF file")
  private @Nullable Path merged;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "examples to compare on, at most the first 1,024 tokens (default: a short English text)")
  private @Nullable Path data;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "where the trainer computes: auto, cpu, vulkan0, cuda0, … (default: ${DEFAULT-VALUE})")
  private String device = "auto";

  @Option(
      names = "--server",
      paramLabel = "ADDRESS",
      description = {
        "a running llama-server: a port of this machine, HOST:PORT or a URL; nothing else is asked",
        "over a network"
      })
  private @Nullable String server;

  @Option(
      names = "--chat-template",
      paramLabel = "NAME|FILE",
      description = "with --server: the template of chats (default: the one the adapter records)")
  private Optional<String> chatTemplate = Optional.empty();

  @Option(
      names = "--gradients",
      description = "compare gradients; without --adapter, those of one with random numbers")
  private boolean gradients;

  @Option(
      names = "--context",
      paramLabel = "TOKENS",
      converter = NumberOptions.Context.class,
      description = "with --gradients: tokens in a row (default: as train takes)")
  private @Nullable Integer context;

  @Option(
      names = "--device-memory",
      paramLabel = "SIZE",
      converter = NumberOptions.Size.class,
      description =
          "with --gradients: the most memory of the device to use; with little, layers are streamed")
  private @Nullable Long deviceMemory;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Option(
      names = "--force",
      description = "take an adapter that was trained on another base, if its shapes fit")
  private boolean force;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (chatTemplate.isPresent() && server == null) {
      throw problem("--chat-template goes with --server");
    }
    if (gradients) {
      return verifyGradients(out);
    }
    if (context != null || deviceMemory != null) {
      throw problem("--context and --device-memory go with --gradients");
    }
    if (adapter == null) {
      throw problem("give --adapter, or --gradients");
    }
    if (server != null) {
      return verifyServer(server, Path.of(adapter));
    }
    if (merged != null) {
      return new MergeProof(
              model.file(), AdapterArgument.of(adapter), force, merged, data, threads.count())
          .run(out, json);
    }
    return verifyAdapter(Path.of(adapter), out);
  }

  private ParameterException problem(String text) {
    return new ParameterException(spec.commandLine(), text);
  }

  private int verifyGradients(PrintWriter out) throws IOException {
    if (data == null || merged != null || server != null || force) {
      throw problem("--gradients needs --data, and takes no --merged, --server or --force");
    }
    TrainingOptions options =
        new TrainingOptions()
            .model(model.file())
            .data(data)
            .set(Settings.RUN, Path.of("gradients-run")) // planned with, and never made
            .set(Settings.DEVICE, device)
            .set(Settings.THREADS, threads.count())
            .set(Settings.CONTEXT, context)
            .set(Settings.DEVICE_MEMORY, deviceMemory)
            .set(Settings.INIT_ADAPTER, adapter == null ? null : Path.of(adapter));
    ProgressLine line = ProgressLine.of(spec);
    TrainingListener listener = json ? _ -> {} : new TrainingProgress(line);
    GradientProof proof = GradientProof.of(options.resolveData(), listener);
    if (json) {
      out.println(JsonText.of(proof));
    } else {
      GradientText.lines(proof).forEach(line::println);
    }
    return proof.passes() ? 0 : Failure.FAILED;
  }

  private int verifyServer(String address, Path adapterFile) throws IOException {
    if (merged != null) {
      throw problem("give either --server or --merged");
    }
    List<int[]> sequences;
    try (GgufFile base = GgufFile.open(model.file())) {
      AdapterFile.read(adapterFile, base, force);
      sequences = VerificationText.sequences(base, data);
    }
    ProgressLine line = ProgressLine.of(spec);
    ServerProof proof;
    try (LlamaServer asked = new LlamaServer(address)) {
      proof =
          ServerProof.of(
              asked,
              model.file(),
              adapterFile,
              chatTemplate,
              sequences,
              threads.count(),
              line::update);
    }
    if (json) {
      line.println(JsonText.of(proof));
      return proof.passes() ? 0 : Failure.FAILED;
    }
    for (ServerProof.Finding finding : proof.findings()) {
      line.println(
          "%-18s%s%s"
              .formatted(finding.subject(), finding.differs() ? "DIFFERS: " : "", finding.words()));
    }
    line.println(
        proof.passes()
            ? "verified: the server does with the adapter what it was trained to do"
            : "FAILED: the server does something else");
    return proof.passes() ? 0 : Failure.FAILED;
  }

  private int verifyAdapter(Path adapterFile, PrintWriter out) throws IOException {
    AdapterFile file;
    List<int[]> sequences;
    try (GgufFile base = GgufFile.open(model.file())) {
      ModelConfig.of(base);
      file = AdapterFile.read(adapterFile, base, force);
      sequences = VerificationText.sequences(base, data);
    }
    if (!file.recorded() && !json) {
      out.println("note: " + adapterFile + " doesn't say which base it was trained on");
    }
    Verification verification =
        new AdapterVerifier(device, threads.count())
            .verify(model.file(), adapterFile, file.adapter(), sequences);
    if (json) {
      out.println(JsonText.of(verification));
    } else {
      ProofText.lines(verification).forEach(out::println);
    }
    return ProofExitCode.exitCode(verification.verdict());
  }
}
