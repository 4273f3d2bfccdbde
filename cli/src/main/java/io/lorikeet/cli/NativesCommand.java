package io.lorikeet.cli;

import io.lorikeet.finetune.Natives;
import io.lorikeet.finetune.TrainingDevice;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Shows the native libraries in use and the devices they find, and installs those of another
/// backend.
@Command(
    name = "natives",
    description =
        "Show the libraries of ggml and llama.cpp in use and the devices they find, or install"
            + " those with another backend.")
final class NativesCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description =
          "Install the libraries with this backend (${COMPLETION-CANDIDATES}) and use them from"
              + " now on. All of them compute on the CPU too.")
  private Natives.@Nullable Installable backend;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (backend != null) {
      install(backend);
    }
    Natives loaded = Natives.load();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JsonText.of(json(loaded)));
    } else {
      out.printf("libraries  %s%n", loaded.location());
      out.printf("ggml       %s%n", loaded.ggmlVersion());
      out.printf("llama.cpp  %s%n", loaded.llamaVersion());
      for (TrainingDevice device : TrainingDevice.all()) {
        out.println("device     " + DevicesCommand.line(device));
      }
    }
    // Missing backends have been logged as warnings, as for every command.
    return backend == null || loaded.missingBackends().isEmpty() ? 0 : Failure.FAILED;
  }

  private static Map<String, Object> json(Natives loaded) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("libraries", loaded.location());
    json.put("ggml", loaded.ggmlVersion());
    json.put("llama.cpp", loaded.llamaVersion());
    json.put("devices", TrainingDevice.all().stream().map(DevicesCommand::json).toList());
    json.put("missing_backends", loaded.missingBackends());
    return json;
  }

  private void install(Natives.Installable chosen) throws IOException, InterruptedException {
    if (!Natives.install(chosen)) {
      throw new ParameterException(
          spec.commandLine(),
          "--backend installs into a checkout of Lorikeet, where ./lorikeet starts it. A downloaded"
              + " archive has the libraries that its name says: take the one with vulkan or cuda in it,"
              + " or name a folder in LORIKEET_NATIVE_DIR");
    }
  }
}
