package io.lorikeet.cli;

import io.lorikeet.finetune.bases.HubFile;
import io.lorikeet.finetune.hub.HubClient;
import io.lorikeet.finetune.hub.HubDownload;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `lorikeet pull`.
@Command(
    name = "pull",
    description = {
      "Fetch a GGUF file from Hugging Face, with its SHA-256 checked.",
      "Only plan for hf: names, and natives --backend, ask the internet besides.",
      "After a cut the same command goes on. HF_TOKEN, HF_ENDPOINT, HTTPS_PROXY and NO_PROXY are obeyed."
    })
@Inputs(
    value = {"--model", "--output"},
    needed = 1)
final class PullCommand extends WritingCommand {
  private static final double NANOSECONDS = 1e9;

  @Option(
      names = "--model",
      paramLabel = "hf:OWNER/REPO/FILE",
      description = "the file; of a split model the first one, with which all are fetched")
  private String model;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "file to write, or a folder (default: the file's name, in this folder)")
  private Path output = Path.of("");

  @Option(names = "--force", description = "replace an output that exists")
  private boolean force;

  @Override
  OutputPlan files() {
    OutputPlan plan = new OutputPlan();
    HubFile.of(model).parts().forEach(part -> plan.writes("--output", target(part)));
    return plan;
  }

  @Override
  boolean replaces() {
    return force;
  }

  private Path target(HubFile part) {
    if (output.toString().isEmpty()) {
      return Path.of(part.name());
    }
    if (Files.isDirectory(output)) {
      return output.resolve(part.name());
    }
    if (HubFile.of(model).parts().size() > 1) {
      throw new InvalidInputException(
          "--output: files of a split model keep their names; give a folder that exists, not "
              + output);
    }
    return output;
  }

  @Override
  int run() throws IOException {
    ProgressLine line = ProgressLine.of(spec);
    List<HubClient.RemoteFile> remotes = new ArrayList<>();
    try (HubClient client = HubClient.ofUser()) {
      for (HubFile part : HubFile.of(model).parts()) {
        remotes.add(client.look(part));
      }
      for (HubClient.RemoteFile remote : remotes) {
        fetch(client, remote, line);
      }
    } finally {
      line.clear();
    }
    return 0;
  }

  private void fetch(HubClient client, HubClient.RemoteFile remote, ProgressLine line)
      throws IOException {
    Path target = target(remote.file());
    HubDownload download = new HubDownload(client, remote, target);
    long begun = download.begun();
    if (begun > 0) {
      line.println("%s: goes on at %s".formatted(download.part(), Words.bytes(begun)));
    }
    long start = System.nanoTime();
    download.run(
        (done, total) -> {
          double seconds = Math.max(1e-3, (System.nanoTime() - start) / NANOSECONDS);
          double rate = Math.max(1, (done - begun) / seconds);
          line.update(
              "%s of %s".formatted(Words.bytes(done), Words.bytes(total)),
              Words.percent((double) done / total),
              Words.bytes((long) rate) + "/s",
              Words.duration((total - done) / rate) + " left");
        });
    line.clear();
    line.println(
        "%s: %s, SHA-256 %s as the hub has it"
            .formatted(target, Words.bytes(remote.size()), remote.sha256().orElseThrow()));
  }
}
