package io.lorikeet.quant;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The inputs and outputs of a command, declared before any work. No output may be an input, lie in
/// a folder that is read, or be another output. Files are compared by their identity on the disk,
/// so links don't matter. Existing files are only replaced on request.
///
/// ```java
/// OutputPlan plan = new OutputPlan().reads("--model", base).writes("--output", merged);
/// try (OutputPlan.Claims _ = plan.claim(force)) {
///   // the work
/// }
/// ```
public final class OutputPlan {
  /// Files and folders in a folder that is read: more than a model's or an adapter's folder has,
  /// and few enough to be listed within a second.
  private static final int MOST_INPUT_FILES = 100_000;

  private final List<Input> inputs = new ArrayList<>();
  private final List<PlannedOutput> outputs = new ArrayList<>();

  /// @param name of the option
  /// @param file the option's file, or a file in the option's folder
  private record Input(String name, Path file) {}

  /// @param name of the option
  /// @param given its value: a file, or the folder that the files are written to
  /// @param files the files
  /// @param isFolder whether a folder is given
  /// @param exclusive whether they must not be there yet
  private record PlannedOutput(
      String name, Path given, List<Path> files, boolean isFolder, boolean exclusive) {}

  /// The files that this process may write until it is closed, and others may not.
  public static final class Claims implements AutoCloseable {
    private final List<NewFolder> folders = new ArrayList<>();
    private final List<OutputClaim> files = new ArrayList<>();

    private Claims() {}

    @Override
    public void close() {
      files.forEach(OutputClaim::close);
      folders.forEach(NewFolder::close);
    }
  }

  /// Nothing is read or written yet.
  public OutputPlan() {}

  /// A file is read, with it all others of a split model; or a folder with all that is in it.
  ///
  /// @param name of the option that gives it, for messages
  /// @param path null where it isn't given
  public OutputPlan reads(String name, @Nullable Path path) {
    if (path != null) {
      inputs.add(new Input(name, path));
    }
    return this;
  }

  /// A file is written.
  ///
  /// @param name of the option that gives it, for messages
  public OutputPlan writes(String name, Path file) {
    outputs.add(new PlannedOutput(name, file, List.of(file), false, true));
    return this;
  }

  /// Files are written to a folder, which may be there already.
  ///
  /// @param name of the option that gives the folder, for messages
  /// @param files names of the files
  public OutputPlan writes(String name, Path folder, List<String> files) {
    outputs.add(new PlannedOutput(name, folder, resolved(folder, files), true, true));
    return this;
  }

  /// Files and folders are kept in a folder, by somebody who looks after those that are there.
  ///
  /// @param name of the option that gives the folder, for messages
  /// @param files names of the files and folders in it
  public OutputPlan keeps(String name, Path folder, List<String> files) {
    outputs.add(new PlannedOutput(name, folder, resolved(folder, files), true, false));
    return this;
  }

  private static List<Path> resolved(Path folder, List<String> files) {
    return files.stream().map(folder::resolve).toList();
  }

  /// Refuses outputs that are inputs or each other, and those that are no files or folders.
  ///
  /// @throws InvalidInputException with all of them
  public void check() throws IOException {
    refuse(problems());
  }

  private static void refuse(List<String> problems) {
    if (!problems.isEmpty()) {
      throw new InvalidInputException(String.join("\n", problems));
    }
  }

  /// The reasons for which [#check] refuses, one sentence each.
  public List<String> problems() throws IOException {
    Map<Object, Input> read = new HashMap<>();
    for (Input input : inputs) {
      for (Path file : files(input)) {
        key(file).ifPresent(key -> read.putIfAbsent(key, new Input(input.name(), file)));
      }
    }
    List<String> problems = new ArrayList<>();
    for (PlannedOutput output : outputs) {
      List<String> ofOutput = new ArrayList<>();
      wrongKind(output).ifPresent(ofOutput::add);
      for (Path file : output.files()) {
        if (ofOutput.isEmpty()) {
          problem(output, file, read).ifPresent(ofOutput::add);
        }
      }
      problems.addAll(ofOutput);
    }
    return problems.isEmpty() ? sameOutputs() : problems;
  }

  /// The files that belong to an input: those of a folder, of a split model, or the one.
  ///
  /// @throws InvalidInputException if a folder holds more than [#MOST_INPUT_FILES]
  private static List<Path> files(Input input) throws IOException {
    Path given = input.file();
    if (!Files.isDirectory(given)) {
      return SplitModel.partsByName(given);
    }
    List<Path> files = new ArrayList<>();
    Path start = given.toRealPath(); // a link itself isn't gone into
    Files.walkFileTree(
        start,
        new SimpleFileVisitor<>() {
          private FileVisitResult add(Path file) {
            files.add(file);
            return files.size() > MOST_INPUT_FILES
                ? FileVisitResult.TERMINATE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            return add(folder);
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            return add(file);
          }

          @Override
          public FileVisitResult visitFileFailed(Path closed, IOException e) {
            return add(closed); // nothing in it can be read
          }
        });
    if (files.size() > MOST_INPUT_FILES) {
      throw new InvalidInputException(
          "%s: the folder %s holds more than %s files. Give one that holds nothing but the input"
              .formatted(input.name(), given, MOST_INPUT_FILES));
    }
    return files.stream().map(file -> given.resolve(start.relativize(file))).toList();
  }

  /// The identity of a file on the disk; empty where there is none.
  private static Optional<Object> key(Path file) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      Object key = attributes.fileKey();
      return Optional.of(key == null ? file.toRealPath() : key);
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  private static Optional<String> wrongKind(PlannedOutput output) {
    Path given = output.given();
    if (output.isFolder()
        && output.exclusive()
        && Files.exists(given)
        && !Files.isDirectory(given)) {
      return Optional.of(
          "%s: %s is a file, not a folder. Give the name of a folder"
              .formatted(output.name(), given));
    }
    if (!output.isFolder() && Files.isDirectory(given)) {
      return Optional.of(
          "%s: %s is a folder; give the name of a file in it".formatted(output.name(), given));
    }
    if (!output.isFolder() && Files.exists(given) && !Files.isRegularFile(given)) {
      return Optional.of(
          "%s: %s isn't an ordinary file. Give the name of a file".formatted(output.name(), given));
    }
    return Optional.empty();
  }

  private static Optional<String> problem(PlannedOutput output, Path file, Map<Object, Input> read)
      throws IOException {
    Input same = key(file).map(read::get).orElse(null);
    if (same != null) {
      String known = file.equals(same.file()) ? "" : ", " + file + ",";
      return Optional.of(
          "%s%s would overwrite %s, which is read (%s). Give another name for what is written"
              .formatted(output.name(), known, same.file(), same.name()));
    }
    Path folder = AtomicFile.behindLinks(file).getParent();
    for (; folder != null; folder = folder.getParent()) {
      Input around = key(folder).map(read::get).orElse(null);
      if (around != null && Files.isDirectory(folder)) {
        return Optional.of(
            "%s: %s would be written into the folder %s, which is read (%s). Give a name outside of it"
                .formatted(output.name(), file, around.file(), around.name()));
      }
    }
    return Optional.empty();
  }

  private List<String> sameOutputs() throws IOException {
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < outputs.size(); i++) {
      for (int j = 0; j < i; j++) {
        PlannedOutput output = outputs.get(i);
        PlannedOutput before = outputs.get(j);
        for (Path file : output.files()) {
          for (Path other : before.files()) {
            if (isInOrSame(file, other) || isInOrSame(other, file)) {
              problems.add(
                  "%s: %s would be written twice, as %s too (%s). Give another name"
                      .formatted(before.name(), other, file, output.name()));
            }
          }
        }
      }
    }
    return problems;
  }

  /// Names that differ in case only are one file on some disks.
  private static boolean isInOrSame(Path file, Path folder) throws IOException {
    Optional<Object> key = key(file);
    if (key.isPresent() && key.equals(key(folder))) {
      return true;
    }
    Path lower = lowerCase(AtomicFile.behindLinks(file));
    return lower.startsWith(lowerCase(AtomicFile.behindLinks(folder)));
  }

  private static Path lowerCase(Path path) {
    return path.resolveSibling(path.getFileName().toString().toLowerCase(Locale.ROOT));
  }

  /// Checks as [#check], refuses to replace what exists, and keeps other processes from writing the
  /// same files.
  ///
  /// @param replace whether files that exist may be replaced
  /// @throws InvalidInputException when a file must not be written, with all that are so
  /// @throws IOException when one can't be written
  public Claims claim(boolean replace) throws IOException {
    check();
    Claims claims = new Claims();
    try {
      for (PlannedOutput output : outputs) {
        if (output.exclusive()) {
          claim(output, claims);
        }
      }
      if (!replace) { // looked at last, since another process may have written one until now
        List<String> problems = new ArrayList<>();
        outputs.stream()
            .filter(PlannedOutput::exclusive)
            .forEach(output -> existing(output, problems));
        refuse(problems);
      }
      return claims;
    } catch (IOException | RuntimeException e) {
      claims.close();
      throw e;
    }
  }

  private static void existing(PlannedOutput output, List<String> problems) {
    List<Path> existing = output.files().stream().filter(Files::exists).toList();
    if (existing.isEmpty()) {
      return;
    }
    String found =
        output.isFolder()
            ? "the folder %s holds %s already"
                .formatted(
                    output.given(),
                    existing.stream()
                        .map(file -> file.getFileName().toString())
                        .collect(Collectors.joining(" and ")))
            : output.given() + " exists already";
    problems.add(
        "%s: %s. --force replaces it; %s is free"
            .formatted(output.name(), found, OutputClaim.freeName(output.given())));
  }

  private static void claim(PlannedOutput output, Claims claims) throws IOException {
    if (output.isFolder()) {
      claims.folders.add(NewFolder.at(output.given()));
    }
    for (Path file : output.files()) {
      claims.files.add(OutputClaim.take(file));
    }
  }
}
