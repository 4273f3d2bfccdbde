import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toCollection;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/// Lays out distributions: folders that run where there is no Java. The same commit gives the same
/// bytes, names, permissions and times.
///
/// `java distribution/Image.java ROOT JARS IMAGES VERSION PLATFORM BACKENDS`; the module's pom runs
/// it on the JDK whose runtime goes into them.
///
///     lorikeet       the launcher, which finds all else beside it; bin/lorikeet is a link to it
///     runtime/       Java: the modules of the JDK that are needed, and no others
///     app/           the jars, without native libraries, and their classes laid out for memory
///     natives/       the native libraries of one platform
///     share/         manual pages, and completions for shells
///     demo/, docs/   as in the sources
public final class Image {
  private static final String ROOT_MODULE = "io.lorikeet.cli";

  /// The place of what images have in common while it is made: the layout of classes holds its
  /// path.
  private static final Path WORKSHOP = Path.of("/tmp/lorikeet.image");

  /// One build at a time uses it; the others wait.
  private static final Path LOCK = Path.of("/tmp/lorikeet.image.lock");

  /// Bytes of a layout's head, which consists of numbers of 32 bits; the rest has 64.
  private static final int HEAD = 4096;

  /// Words that differ between two layouts of the same classes: 30 were seen.
  private static final int MOST_MOMENTS = 100;

  private static final List<String> DOCUMENTS =
      List.of("README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "THIRD-PARTY-NOTICES");

  /// Attributes of manifests that tell who built a jar, and on which Java.
  private static final Set<String> BUILDER = Set.of("Built-By", "Build-Jdk", "Created-By");

  /// Other than descriptions of modules, which jars of native libraries have, too.
  private static final String CLASSES_OF_JARS = ".*(?<!/module-info)\\.class";

  private static final String NATIVE_FILES = ".*\\.(so|so\\.\\d+|dll|dylib|jnilib|a|lib)";

  /// The native libraries that jars hold, of one platform.
  private static final Map<String, String> WANTED =
      Map.of(
          "linux-x64",
          "org/bytedeco/dnnl/linux-x86_64/lib(dnnl\\.so\\.3|gomp\\.so\\.1)"
              + "|linux/amd64/libzstd-jni-.*\\.so"
              + "|org/xerial/snappy/native/Linux/x86_64/libsnappyjava\\.so",
          "linux-arm64",
          "linux/aarch64/libzstd-jni-.*\\.so"
              + "|org/xerial/snappy/native/Linux/aarch64/libsnappyjava\\.so");

  private static final List<String> DEMO =
      List.of("README.md", "base.gguf", "train.yaml", "data/train.jsonl", "data/test.jsonl");

  /// Commands that the list of classes is made from. They do the same each time, in one thread.
  private static final List<List<String>> STARTED =
      List.of(
          List.of("--version"),
          List.of("--help"),
          List.of("train", "--help"),
          List.of("models"),
          List.of("inspect", "demo/base.gguf"));

  /// The list, in the image while it is made.
  private static final String CLASSES = "classes";

  /// The time of all files where neither SOURCE_DATE_EPOCH nor git tells that of the sources.
  private static final String UNKNOWN_TIME = "315619200"; // the second day that zip files can tell

  private final Path root;
  private final Path jars;
  private final Path images;
  private final String version;
  private final String platform;
  private final FileTime time;

  private Image(String[] arguments) throws IOException, InterruptedException {
    root = Path.of(arguments[0]);
    jars = Path.of(arguments[1]);
    images = Path.of(arguments[2]);
    version = arguments[3];
    platform = arguments[4];
    time = FileTime.from(timeOfSources(root));
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    new Image(arguments).layOut(arguments[5].split(","));
  }

  private static Instant timeOfSources(Path root) throws IOException, InterruptedException {
    String given = System.getenv("SOURCE_DATE_EPOCH");
    Process git =
        new ProcessBuilder("git", "log", "-1", "--format=%ct").directory(root.toFile()).start();
    String committed = new String(git.getInputStream().readAllBytes(), US_ASCII).strip();
    String seconds = given != null ? given : git.waitFor() == 0 ? committed : UNKNOWN_TIME;
    return Instant.ofEpochSecond(Long.parseLong(seconds));
  }

  private void layOut(String[] backends) throws IOException, InterruptedException {
    delete(images);
    Files.createDirectories(images);
    try (FileChannel channel = FileChannel.open(LOCK, CREATE, WRITE);
        FileLock _ = channel.lock()) {
      delete(WORKSHOP); // of a build that was killed
      try {
        layOut(backends, Files.createDirectory(WORKSHOP));
      } finally {
        delete(WORKSHOP);
      }
    }
  }

  private void layOut(String[] backends, Path common) throws IOException, InterruptedException {
    Path natives = Files.createDirectories(common.resolve("natives"));
    copyJars(Files.createDirectories(common.resolve("app")), natives);
    linkRuntime(common);
    copySources(common);
    writeShellFiles(common);
    mapClasses(common);
    for (String backend : backends) {
      String suffix = backend.equals("cpu") ? "" : "-" + backend;
      Path image = images.resolve("lorikeet-" + version + "-" + platform + suffix);
      copy(common, image);
      copyLibraries(platform + suffix, image.resolve("natives"));
      setTimes(image);
    }
  }

  /// The jars, as equal contents give equal bytes, and the native libraries in them. They are on
  /// the class path, by one more jar that is started: Java maps laid out classes from a module path
  /// only where the folder's name is that of the build.
  private void copyJars(Path app, Path natives) throws IOException {
    for (Path jar : list(jars)) {
      if (!jar.getFileName().toString().contains("-natives-")) {
        copyJar(jar, app, natives);
      }
    }
    Manifest manifest = new Manifest();
    Attributes attributes = manifest.getMainAttributes();
    attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
    attributes.put(Attributes.Name.MAIN_CLASS, ROOT_MODULE + ".Main");
    attributes.put(
        Attributes.Name.CLASS_PATH,
        list(app).stream().map(jar -> jar.getFileName().toString()).collect(joining(" ")));
    attributes.putValue("Enable-Native-Access", "ALL-UNNAMED");
    write(app.resolve("lorikeet.jar"), Map.of(JarFile.MANIFEST_NAME, bytes(manifest)));
  }

  private void copyJar(Path jar, Path app, Path natives) throws IOException {
    Map<String, byte[]> kept = new TreeMap<>();
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      for (ZipEntry entry : zip.stream().filter(entry -> !entry.isDirectory()).toList()) {
        String name = entry.getName();
        try (InputStream in = zip.getInputStream(entry)) {
          if (name.matches(WANTED.get(platform))) {
            Files.copy(in, natives.resolve(Path.of(name).getFileName()));
          } else if (name.equals(JarFile.MANIFEST_NAME)) {
            kept.put(name, withoutBuilder(in));
          } else if (!name.matches(NATIVE_FILES)) {
            kept.put(name, in.readAllBytes());
          }
        }
      }
    }
    if (kept.keySet().stream().anyMatch(name -> name.matches(CLASSES_OF_JARS))) {
      write(app.resolve(jar.getFileName()), kept);
    }
  }

  private static byte[] withoutBuilder(InputStream in) throws IOException {
    Manifest manifest = new Manifest(in);
    BUILDER.forEach(name -> manifest.getMainAttributes().remove(new Attributes.Name(name)));
    return bytes(manifest);
  }

  private static byte[] bytes(Manifest manifest) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    manifest.write(out);
    return out.toByteArray();
  }

  /// Uncompressed: what packs the image does that better, and Java reads it faster.
  private void write(Path jar, Map<String, byte[]> contents) throws IOException {
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
      out.setMethod(ZipOutputStream.STORED);
      for (Map.Entry<String, byte[]> file : contents.entrySet()) {
        byte[] bytes = file.getValue();
        CRC32 sum = new CRC32();
        sum.update(bytes);
        ZipEntry entry = new ZipEntry(file.getKey());
        entry.setTimeLocal(LocalDateTime.ofInstant(time.toInstant(), ZoneOffset.UTC));
        entry.setSize(bytes.length);
        entry.setCrc(sum.getValue());
        out.putNextEntry(entry);
        out.write(bytes);
      }
    }
    Files.setLastModifiedTime(jar, time); // which the layout of its classes records
  }

  /// The JDK's modules that the program needs, uncompressed for the same reasons. Certificates of
  /// authorities are the machine's own, and of no use to a program that opens no connection.
  private void linkRuntime(Path image) throws IOException, InterruptedException {
    Path runtime = image.resolve("runtime");
    int result =
        ToolProvider.findFirst("jlink")
            .orElseThrow(() -> new IllegalStateException("this JDK has no jlink"))
            .run(
                System.out,
                System.err,
                "--add-modules=" + String.join(",", neededModules(image.resolve("app"))),
                "--output=" + runtime,
                "--compress=zip-0",
                "--strip-java-debug-attributes",
                "--disable-plugin=generate-jli-classes",
                "--no-header-files",
                "--no-man-pages",
                "--exclude-files=/java.base/lib/security/cacerts");
    if (result != 0) {
      throw new IllegalStateException("jlink failed");
    }
    setTimes(runtime); // which the layout of classes records
    String java = runtime.resolve("bin/java").toString();
    writeLayout(
        runtime.resolve("lib/server/classes.jsa"),
        () -> run(image, Map.of(), java, "-Xshare:dump"));
  }

  private static Set<String> neededModules(Path app) {
    return Configuration.empty()
        .resolve(ModuleFinder.of(app), ModuleFinder.ofSystem(), Set.of(ROOT_MODULE))
        .modules()
        .stream()
        .map(module -> module.reference())
        .filter(module -> module.location().orElseThrow().getScheme().equals("jrt"))
        .map(module -> module.descriptor().name())
        .collect(toCollection(TreeSet::new));
  }

  private void copySources(Path image) throws IOException {
    for (String document : DOCUMENTS) {
      Files.copy(root.resolve(document), image.resolve(document));
    }
    copy(root.resolve("docs"), image.resolve("docs"));
    for (String file : DEMO) {
      Path target = image.resolve("demo").resolve(file);
      Files.createDirectories(target.getParent());
      Files.copy(root.resolve("demo").resolve(file), target);
    }
    Files.copy(root.resolve("lorikeet"), image.resolve("lorikeet"));
    Path bin = Files.createDirectory(image.resolve("bin"));
    Files.createSymbolicLink(bin.resolve("lorikeet"), Path.of("..", "lorikeet"));
  }

  private void writeShellFiles(Path image) throws IOException, InterruptedException {
    run(
        image,
        Map.of(),
        image.resolve("runtime/bin/java").toString(),
        "-cp",
        "app/lorikeet.jar",
        "io.lorikeet.cli.ShellFiles",
        "share");
  }

  /// Writes the classes that commands load at their start into a file that Java maps. The launcher
  /// names it. They aren't linked ahead (AOTClassLinking): Java would then set up all of them each
  /// time, which takes longer than it saves.
  private void mapClasses(Path image) throws IOException, InterruptedException {
    Set<String> classes = new TreeSet<>();
    Set<String> preparations = new TreeSet<>();
    Path list = image.resolve(CLASSES);
    for (List<String> command : STARTED) {
      launch(image, "-XX:DumpLoadedClassList=" + CLASSES, command);
      for (String line : Files.readAllLines(list)) {
        if (line.startsWith("@lambda")) {
          preparations.add(line);
        } else if (!line.startsWith("@") && !line.startsWith("#")) { // others depend on chance
          classes.add(line.replaceFirst(" id: \\d+$", "")); // of that process
        }
      }
    }
    Files.write(list, classes);
    Files.write(list, preparations, APPEND);
    String dump = "-Xshare:dump -XX:SharedClassListFile=" + CLASSES;
    writeLayout(image.resolve("app/classes.jsa"), () -> launch(image, dump, List.of()));
    Files.delete(list);
  }

  /// Has Java lay classes out.
  private interface Dump {
    void run() throws IOException, InterruptedException;
  }

  /// Writes a layout of classes that is the same each time.
  private static void writeLayout(Path layout, Dump dump) throws IOException, InterruptedException {
    dump.run();
    byte[] first = Files.readAllBytes(layout);
    dump.run();
    Files.write(layout, common(first, Files.readAllBytes(layout)));
  }

  /// The common part of two layouts of the same classes, with 0 elsewhere. There they tell when
  /// soft references were used, in milliseconds since the machine started, and hold checksums,
  /// which Java reads on demand alone.
  private static byte[] common(byte[] first, byte[] second) {
    ByteBuffer words = ByteBuffer.wrap(first);
    ByteBuffer others = ByteBuffer.wrap(second);
    int different = first.length == second.length ? 0 : Integer.MAX_VALUE;
    for (int i = 0; i < HEAD; i += Integer.BYTES) {
      if (words.getInt(i) != others.getInt(i)) {
        words.putInt(i, 0);
        different++;
      }
    }
    for (int i = HEAD; i < first.length && different <= MOST_MOMENTS; i += Long.BYTES) {
      if (words.getLong(i) != others.getLong(i)) {
        words.putLong(i, 0);
        different++;
      }
    }
    if (different > MOST_MOMENTS) {
      throw new IllegalStateException("Java lays the same classes out differently each time");
    }
    return first;
  }

  private void copyLibraries(String natives, Path target) throws IOException, InterruptedException {
    Path folder = root.resolve("native-bindings/natives");
    run(root, Map.of(), folder.resolve("install.sh").toString(), natives);
    for (Path file : list(folder.resolve(natives).resolve("lib"))) {
      if (!file.endsWith("package-lock.json")) {
        Files.copy(file, target.resolve(file.getFileName()));
      }
    }
  }

  private void setTimes(Path image) throws IOException {
    try (Stream<Path> files = Files.walk(image)) {
      // Before a folder's own comes that of its files.
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.getFileAttributeView(file, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
            .setTimes(time, null, null);
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(
            file,
            to.resolve(from.relativize(file)),
            StandardCopyOption.COPY_ATTRIBUTES,
            LinkOption.NOFOLLOW_LINKS);
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static void launch(Path image, String options, List<String> command)
      throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of("./lorikeet"));
    words.addAll(command);
    run(image, Map.of("LORIKEET_JAVA_OPTS", options), words.toArray(String[]::new));
  }

  private static void run(Path folder, Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    Path log = Files.createTempFile("lorikeet-image", ".log");
    ProcessBuilder program = new ProcessBuilder(command).directory(folder.toFile());
    program.redirectErrorStream(true).redirectOutput(log.toFile());
    program.environment().put("LC_ALL", "C.UTF-8"); // by which Java lays strings out differently
    program.environment().putAll(environment);
    if (program.start().waitFor() != 0) {
      throw new IllegalStateException(
          String.join(" ", command) + " failed:\n" + Files.readString(log));
    }
    Files.delete(log);
  }
}
