package io.lorikeet.quant;

import java.nio.file.Files;
import java.nio.file.Path;

/// Kinds of folders that people download, told by the files in them.
public enum FolderKind {
  /// A model as Hugging Face's transformers saves it: `config.json` and its weights.
  MODEL(
      "a Hugging Face model (config.json, tokenizer and safetensors), as save_pretrained writes it",
      "a whole model: 'lorikeet convert %s MODEL.gguf' makes a GGUF model of it"),
  /// An adapter as Hugging Face's PEFT saves it: `adapter_config.json` and its weights.
  PEFT_ADAPTER(
      "an adapter of PEFT (adapter_config.json and adapter_model.safetensors), as save_pretrained"
          + " writes it",
      "an adapter of PEFT: 'lorikeet import %s --model BASE.gguf --output ADAPTER.gguf' makes"
          + " an adapter in GGUF of it"),
  /// An adapter as Apple's `mlx_lm` saves it.
  MLX_ADAPTER(
      "an adapter of MLX",
      "an adapter of MLX, which isn't read: mlx_lm.fuse makes a model of it and its base, and"
          + " 'lorikeet convert' reads that"),
  /// None of these.
  OTHER("anything else", "");

  private static final String MODEL_CONFIG = "config.json";
  private static final String ADAPTER_CONFIG = "adapter_config.json";

  private final String name;
  private final String advice;

  FolderKind(String name, String advice) {
    this.name = name;
    this.advice = advice;
  }

  /// The kind of a folder.
  public static FolderKind of(Path folder) {
    boolean adapter = has(folder, ADAPTER_CONFIG);
    boolean model = has(folder, "model.safetensors") || has(folder, "model.safetensors.index.json");
    if (has(folder, MODEL_CONFIG) && (!adapter || model)) {
      return MODEL;
    }
    if (!adapter) {
      return OTHER;
    }
    return has(folder, "adapters.safetensors") ? MLX_ADAPTER : PEFT_ADAPTER;
  }

  private static boolean has(Path folder, String name) {
    return Files.isRegularFile(folder.resolve(name));
  }

  /// Refuses a folder of another kind.
  ///
  /// @throws InvalidInputException that says which kind it is, and the command for that
  public static void require(Path folder, FolderKind wanted) {
    FolderKind kind = of(folder);
    if (kind == wanted) {
      return;
    }
    String what =
        !Files.exists(folder)
            ? " doesn't exist"
            : !Files.isDirectory(folder)
                ? " isn't a folder"
                : kind == OTHER
                    ? " has no " + (wanted == MODEL ? MODEL_CONFIG : ADAPTER_CONFIG)
                    : " is " + kind.advice.formatted(ShellText.quoted(folder));
    throw new InvalidInputException(
        folder + what + (kind == OTHER ? ". Give the folder of " + wanted.name : ""));
  }
}
