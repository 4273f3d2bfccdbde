package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.loop.Trainer;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The order of the packages: each may depend on those before it, and on none after it.
class ArchitectureTest {
  private static final Set<String> GENERATED =
      Set.of("io.lorikeet.ggml", "io.lorikeet.llama", "io.lorikeet.onednn");

  private static final List<String> ORDER =
      List.of(
          "io.lorikeet.onednn",
          "io.lorikeet.ggml",
          "io.lorikeet.llama",
          "io.lorikeet.bindings",
          "io.lorikeet.bindings.cpu",
          "io.lorikeet.bindings.llama",
          "io.lorikeet.quant",
          "io.lorikeet.quant.convert",
          "io.lorikeet.models.chat",
          "io.lorikeet.models.text.template",
          "io.lorikeet.models.text",
          "io.lorikeet.models.family",
          "io.lorikeet.models.random",
          "io.lorikeet.models.lora",
          "io.lorikeet.models.adapter",
          "io.lorikeet.models.merge",
          "io.lorikeet.models.autodiff",
          "io.lorikeet.models.architecture",
          "io.lorikeet.train.event",
          "io.lorikeet.train.data.files",
          "io.lorikeet.train.checkpoint",
          "io.lorikeet.train.settings",
          "io.lorikeet.train.data",
          "io.lorikeet.train.goal",
          "io.lorikeet.train.optimizer",
          "io.lorikeet.train.rank",
          "io.lorikeet.train.memory",
          "io.lorikeet.train.run",
          "io.lorikeet.train.parallel",
          "io.lorikeet.train.sample",
          "io.lorikeet.train.loop",
          "io.lorikeet.export.analysis",
          "io.lorikeet.export",
          "io.lorikeet.export.merge",
          "io.lorikeet.export.peft",
          "io.lorikeet.finetune.text",
          "io.lorikeet.finetune.bases",
          "io.lorikeet.finetune.hub",
          "io.lorikeet.finetune.serving",
          "io.lorikeet.finetune.report",
          "io.lorikeet.finetune.scoring",
          "io.lorikeet.finetune.evaluation",
          "io.lorikeet.finetune",
          "io.lorikeet.finetune.bench",
          "io.lorikeet.finetune.yaml",
          "io.lorikeet.finetune.sweep",
          "io.lorikeet.finetune.tasks",
          "io.lorikeet.cli.terminal",
          "io.lorikeet.cli");

  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    List<URL> places =
        Stream.of(
                Backend.class,
                GgufFile.class,
                TransformerModel.class,
                Trainer.class,
                AdapterVerifier.class,
                FineTuning.class,
                Main.class)
            .map(type -> type.getProtectionDomain().getCodeSource().getLocation())
            .toList();
    classes = new ClassFileImporter().importUrls(places);
  }

  @Test
  void everyPackageHasAPlace() {
    TreeSet<String> packages = new TreeSet<>();
    classes.stream().map(JavaClass::getPackageName).forEach(packages::add);
    packages.remove(""); // module descriptors
    assertEquals(new TreeSet<>(ORDER), packages);
  }

  /// So that NullAway checks them, see the profile "nullness". In chat templates any value may be
  /// Jinja's `none`, which is null there.
  @Test
  void everyPackageIsNullMarked() {
    List<String> others =
        ORDER.stream()
            .filter(name -> !GENERATED.contains(name))
            .filter(name -> !classes.getPackage(name).isAnnotatedWith(NullMarked.class))
            .toList();
    assertEquals(List.of("io.lorikeet.models.text.template"), others);
  }

  @Test
  void packagesDependOnThoseBeforeThem() {
    ArchRuleDefinition.classes()
        .that()
        .resideInAPackage("io.lorikeet..")
        .should(dependOnlyOnEarlierPackages())
        .check(classes);
  }

  private static ArchCondition<JavaClass> dependOnlyOnEarlierPackages() {
    return new ArchCondition<>("depend only on packages before their own") {
      @Override
      public void check(JavaClass user, ConditionEvents events) {
        int own = ORDER.indexOf(user.getPackageName());
        for (Dependency dependency : user.getDirectDependenciesFromSelf()) {
          if (ORDER.indexOf(dependency.getTargetClass().getPackageName()) > own) {
            events.add(SimpleConditionEvent.violated(user, dependency.getDescription()));
          }
        }
      }
    };
  }

  @Test
  void generatedBindingsAreSeenByTheirModuleAlone() {
    ArchRuleDefinition.noClasses()
        .that()
        .resideOutsideOfPackages(
            "io.lorikeet.bindings..", "io.lorikeet.ggml", "io.lorikeet.llama", "io.lorikeet.onednn")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(GENERATED.toArray(String[]::new))
        .check(classes);
  }

  @Test
  void trainingAndExportDoNotMeet() {
    neverUses("io.lorikeet.export..", "io.lorikeet.train..");
    neverUses("io.lorikeet.train..", "io.lorikeet.export..");
  }

  /// Commands and words: no arithmetic, no ggml.
  @Test
  void theCommandLineCallsNeitherGgmlNorDifferentiation() {
    neverUses(
        "io.lorikeet.cli..", "io.lorikeet.bindings..", "io.lorikeet.models.autodiff", "org.ejml..");
  }

  /// Programs see exported packages. Their types are marked as changing,
  /// or docs/java.md promises to keep them, by their names or by their packages'.
  @Test
  void whatIsKeptIsPromised() throws IOException {
    String page = Files.readString(Path.of("../docs/java.md"));
    String promise = page.substring(page.indexOf("## Kept from version to version"));
    for (JavaClass type : classes) {
      if (exported().contains(type.getPackageName())
          && type.isTopLevelClass()
          && type.getModifiers().contains(JavaModifier.PUBLIC)) {
        boolean changes =
            type.isAnnotatedWith(Beta.class) || type.getPackage().isAnnotatedWith(Beta.class);
        boolean promised =
            promise.contains("`" + type.getSimpleName() + "`")
                || promise.contains("`" + type.getPackageName() + "`");
        assertNotEquals(changes, promised, type.getName());
      }
    }
  }

  /// Of modules that aren't marked as a whole.
  private static Set<String> exported() throws IOException {
    Set<String> packages = new TreeSet<>();
    for (String module :
        List.of("native-bindings", "quant", "models", "train", "export", "finetune")) {
      String descriptor = Files.readString(Path.of("..", module, "src/main/java/module-info.java"));
      if (!descriptor.contains("@Beta\nmodule")) {
        Pattern.compile("exports ([\\w.]+);")
            .matcher(descriptor)
            .results()
            .forEach(found -> packages.add(found.group(1)));
      }
    }
    return packages;
  }

  private static void neverUses(String users, String... used) {
    ArchRuleDefinition.noClasses()
        .that()
        .resideInAPackage(users)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(used)
        .check(classes);
  }
}
