/// The settings of a training run.
///
/// [Settings][io.lorikeet.train.settings.Settings] describes each
/// [Setting][io.lorikeet.train.settings.Setting] once: flags of the command line and their help,
/// keys of a YAML file, lines of a run's `config.yaml`, bounds, rules for resuming a run and
/// docs/settings.md are made of that. [SettingType][io.lorikeet.train.settings.SettingType] says
/// how values are read and written.
/// [TrainingOptions][io.lorikeet.train.settings.TrainingOptions] holds the values that were given,
/// and resolves them, checked together and completed by defaults, to a
/// [TrainingConfig][io.lorikeet.train.settings.TrainingConfig], which has a value for each setting.
/// [RunFiles][io.lorikeet.train.settings.RunFiles] and
/// [AdapterPlaces][io.lorikeet.train.settings.AdapterPlaces] name the files that a run writes.
@NullMarked
package io.lorikeet.train.settings;

import org.jspecify.annotations.NullMarked;
