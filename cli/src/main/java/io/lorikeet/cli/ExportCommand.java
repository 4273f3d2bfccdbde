package io.lorikeet.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.export.peft.PeftExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `lorikeet export`.
@Command(
    name = "export",
    description = {
      "Write an adapter in another form.",
      "A folder for Hugging Face's PEFT, or a GGUF file whose numbers take less room, with the proof for it."
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
    needed = 2)
final class ExportCommand extends WritingCommand {

  /// The format of the output.
  enum Format {
    PEFT,
    GGUF
  }

  @Option(names = "--adapter", paramLabel = "FILE", description = "adapter, a GGUF file")
  private Path adapter;

  @Mixin private BaseOption model = new BaseOption();

  @Option(
      names = "--format",
      required = true,
      paramLabel = "peft|gguf",
      description = "peft: adapter_config.json and adapter_model.safetensors; gguf: as it is")
  private Format format;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "PATH",
      description = "folder (peft) or file (gguf) to write")
  private Path output;

  @Option(
      names = "--store",
      paramLabel = "TYPE",
      description = "numbers as F32, F16, BF16 or (gguf) Q8_0 (default: as they are)")
  private Optional<AdapterStorage> storage = Optional.empty();

  @Option(
      names = "--force",
      description =
          "replace an output that exists, and take an adapter that was made for another base, if"
              + " its shapes fit")
  private boolean force;

  @Mixin private AdapterProof proof = new AdapterProof();

  @Override
  OutputPlan files() throws IOException {
    OutputPlan plan = new OutputPlan().reads("--adapter", adapter).reads("--model", model.file());
    return format == Format.PEFT
        ? plan.writes("--output", output, PeftExporter.FILES)
        : plan.writes("--output", output);
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    AdapterFile file;
    AdapterMetadata metadata;
    AdapterStorage stored;
    try (GgufFile base = GgufFile.open(model.file())) {
      file = AdapterFile.read(adapter, base, force);
      metadata = new AdapterMetadata(BaseIdentity.of(base), file.training(), file.template());
      stored = storage.isPresent() ? storage.get() : storedNow();
      if (format == Format.PEFT) {
        PeftExporter.write(file.adapter(), metadata, base, stored, output);
        peftLines().forEach(out::println);
        PeftExporter.warning(file.adapter()).ifPresent(text -> out.println("warning: " + text));
        return 0;
      }
    }
    AdapterOutput.write(file.adapter(), metadata, stored, output, Optional.of(model.file()), out);
    return proof.run(model.file(), output, file.adapter());
  }

  private AdapterStorage storedNow() throws IOException {
    try (GgufFile gguf = GgufFile.open(adapter)) {
      return AdapterStorage.of(gguf);
    }
  }

  private List<String> peftLines() throws IOException {
    return List.of(
        output + ": adapter_config.json and adapter_model.safetensors",
        "in Python, with the model in Hugging Face's format that the base was converted from:",
        "  from peft import PeftModel",
        "  model = PeftModel.from_pretrained(model, %s)"
            .formatted(new ObjectMapper().writeValueAsString(output.toString()))); // as in Python
  }
}
