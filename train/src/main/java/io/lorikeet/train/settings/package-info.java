/// The settings of a training run.
///
/// Each [Setting][io.lorikeet.train.settings.Setting] describes itself: flags of the command line,
/// keys of a YAML file and lines of a run's `config.yaml` are made of that.
/// [TrainingOptions][io.lorikeet.train.settings.TrainingOptions] holds those that were given, and
/// resolves them, checked together and completed by defaults, to a
/// [TrainingConfig][io.lorikeet.train.settings.TrainingConfig].
/// [RunFiles][io.lorikeet.train.settings.RunFiles] and
/// [AdapterPlaces][io.lorikeet.train.settings.AdapterPlaces] name the files that a run writes.
package io.lorikeet.train.settings;
