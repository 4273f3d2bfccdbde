/// How good an answer is, from 0 to 1.
///
/// A [Scorer][io.lorikeet.finetune.scoring.Scorer] compares an answer with the reference of its
/// [Question][io.lorikeet.finetune.scoring.Question].
/// [ScorerChoice][io.lorikeet.finetune.scoring.ScorerChoice] has those that can be named.
@Beta
@NullMarked
package io.lorikeet.finetune.scoring;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
