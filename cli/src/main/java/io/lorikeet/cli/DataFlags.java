package io.lorikeet.cli;

import io.lorikeet.train.settings.Setting;
import java.util.List;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;

/// The flags of `lorikeet data`: those settings of a training run that decide what its data is.
final class DataFlags implements IModelTransformer {
  private static final List<Setting<?>> SETTINGS =
      List.of(
          Setting.MODEL,
          Setting.DATA,
          Setting.VALIDATION,
          Setting.CONTEXT,
          Setting.TOO_LONG,
          Setting.TRAIN_ON,
          Setting.CHAT_TEMPLATE,
          Setting.FORMAT,
          Setting.COLUMNS,
          Setting.SKIP_BAD_LINES,
          Setting.PACKING,
          Setting.SEED,
          Setting.THREADS,
          Setting.CACHE);

  @Override
  public CommandSpec transform(CommandSpec command) {
    return TrainingFlags.add(command, SETTINGS);
  }
}
