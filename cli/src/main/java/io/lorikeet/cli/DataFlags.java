package io.lorikeet.cli;

import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;

/// The flags of `lorikeet data`: those settings of a training run that decide what its data is.
final class DataFlags implements IModelTransformer {
  @Override
  public CommandSpec transform(CommandSpec command) {
    return TrainingFlags.add(command, Settings.all(Setting.Trait.OF_DATA));
  }
}
