/// The events that reading data and training report while they go on: one
/// [TrainingEvent][io.lorikeet.train.event.TrainingEvent] after the other, to whoever listens.
@NullMarked
package io.lorikeet.train.event;

import org.jspecify.annotations.NullMarked;
