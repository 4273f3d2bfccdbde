/// YAML files of several runs: sweeps, and tasks on one base.
@NullMarked
package io.lorikeet.finetune.yaml;

import org.jspecify.annotations.NullMarked;
