import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;

/// Trains an adapter on a base and writes it as a GGUF file that llama.cpp loads.
/// Arguments: BASE.gguf TRAIN.jsonl ADAPTER.gguf
void main(String[] arguments) throws IOException {
  Path base = Path.of(arguments[0]);
  Path adapter = Path.of(arguments[2]);
  TrainingConfig config =
      new TrainingOptions().model(base).data(Path.of(arguments[1])).output(adapter).resolve();
  TrainingResult result = new Trainer(config, IO::println).run();
  try (GgufFile file = GgufFile.open(base)) {
    AdapterMetadata metadata =
        new AdapterMetadata(BaseIdentity.of(file), result.config().settingsOfAdapter());
    AdapterExporter.write(result.adapter(), metadata, adapter);
  }
  IO.println("loss " + result.finalLoss() + ", adapter in " + adapter);
}
