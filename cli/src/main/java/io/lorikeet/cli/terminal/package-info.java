/// The process as its terminal and the script that started it see it: width, signals, the way it
/// ends. Java doesn't tell or can't do these, so the C library is called.
@NullMarked
package io.lorikeet.cli.terminal;

import org.jspecify.annotations.NullMarked;
