package example;

import io.lorikeet.finetune.FineTuned;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;

/// Trains an adapter on a base, writes it as a GGUF file that llama.cpp loads, and proves it there.
/// Arguments: BASE.gguf TRAIN.jsonl ADAPTER.gguf
public final class FineTune {
  static void main(String[] arguments) throws IOException {
    TrainingConfig config =
        new TrainingOptions()
            .model(Path.of(arguments[0]))
            .data(Path.of(arguments[1]))
            .output(Path.of(arguments[2]))
            .resolve();
    FineTuned done = new FineTuning(IO::println).run(config, false);
    IO.println("loss " + done.training().finalLoss());
    done.verification().ifPresent(proof -> IO.println("proof in llama.cpp: " + proof.verdict()));
    IO.println("adapter in " + config.get(Settings.OUTPUT));
  }
}
