package io.lorikeet.train.checkpoint;

import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The checkpoints of a run: `step-00000120.gguf` and so on in a folder of their own.
public final class CheckpointFolder {
  /// The folder's name in a run's folder.
  public static final String NAME = "checkpoints";

  private static final Pattern FILE_NAME = Pattern.compile("step-(\\d{8,10})\\.gguf");
  private static final String DAMAGED = ".damaged";

  /// More than a checkpoint's keys and the names of its tensors take.
  private static final long HEAD_BYTES = 1 << 20;

  private final Path folder;

  /// @param run the run's folder; nothing is made in it yet
  public CheckpointFolder(Path run) {
    folder = run.resolve(NAME);
  }

  /// Whether there is anything to go on from.
  public boolean isEmpty() throws IOException {
    return steps().isEmpty();
  }

  /// Makes the folder, and takes away what a killed process left half-written.
  public void prepare() throws IOException {
    Files.createDirectories(folder);
    AtomicFile.deleteStale(folder);
  }

  /// Takes the folder away where nothing is in it.
  public void removeIfEmpty() throws IOException {
    if (Files.isDirectory(folder) && files().isEmpty()) {
      Files.delete(folder);
    }
  }

  /// The file of a step's checkpoint.
  public Path file(int step) {
    return folder.resolve(String.format(Locale.ROOT, "step-%08d.gguf", step));
  }

  /// Opens the newest checkpoint that is as it was written. Newer ones that aren't get the ending
  /// `.damaged`, so that they aren't in the way.
  ///
  /// @param warnings told of each of those
  public Optional<Checkpoint> openNewest(Consumer<String> warnings) throws IOException {
    for (int step : steps().reversed()) {
      Path file = file(step);
      try {
        return Optional.of(Checkpoint.open(file));
      } catch (InvalidInputException e) {
        Path aside = file.resolveSibling(file.getFileName() + DAMAGED);
        Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
        warnings.accept(
            "a checkpoint is damaged and was put aside as %s; the one before it is used. %s"
                .formatted(aside, e.getMessage()));
      }
    }
    return Optional.empty();
  }

  /// Deletes all but the newest `keep` checkpoints and that of step `best`.
  void prune(int keep, int best) throws IOException {
    List<Integer> steps = steps();
    for (int step : steps.subList(0, Math.max(0, steps.size() - keep))) {
      if (step != best) {
        Files.deleteIfExists(file(step));
      }
    }
  }

  /// Finds out before training whether the disk has room for all checkpoints that will be there at
  /// a time.
  ///
  /// @param most how many
  /// @param bytes of each, about
  /// @throws IOException when it hasn't
  public void requireRoomFor(int most, long bytes) throws IOException {
    long needed = most * (bytes + HEAD_BYTES);
    for (int step : steps()) {
      needed -= Files.size(file(step));
    }
    requireSpace(Math.max(needed, bytes), most == 1 ? "a checkpoint" : most + " checkpoints");
  }

  /// @param what is to be written, for the message
  /// @throws IOException when the disk has less room
  void requireSpace(long bytes, String what) throws IOException {
    // Not Files.getFileStore, which fails where the mount isn't listed, as in a chroot.
    long usable = folder.toFile().getUsableSpace();
    if (usable < bytes) {
      throw new IOException(
          String.format(
              Locale.ROOT,
              "the disk of %s has %,d MB left, and %s of this run would take %,d MB. Free some space, or choose another folder with --run",
              folder,
              usable >> 20,
              what,
              (bytes >> 20) + 1));
    }
  }

  /// Steps of the checkpoints in ascending order.
  private List<Integer> steps() throws IOException {
    List<Integer> steps = new ArrayList<>();
    for (Path file : files()) {
      Matcher name = FILE_NAME.matcher(file.getFileName().toString());
      if (name.matches() && Long.parseLong(name.group(1)) <= Integer.MAX_VALUE) {
        steps.add(Integer.parseInt(name.group(1)));
      }
    }
    steps.sort(Comparator.naturalOrder());
    return steps;
  }

  private List<Path> files() throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }
}
