/// The command line: one class per command, which reads its flags, calls the modules and words what
/// they answer.
///
/// [Main] is where to start. Every failure passes through [Failure], which gives it an exit code
/// and its words.
@NullMarked
package io.lorikeet.cli;

import org.jspecify.annotations.NullMarked;
