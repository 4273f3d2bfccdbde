/// Numbers, tables and proofs as people read them, in commands and in reports.
@Beta
@NullMarked
package io.lorikeet.finetune.text;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
