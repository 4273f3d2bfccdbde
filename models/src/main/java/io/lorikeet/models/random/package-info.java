/// Models with random weights: to measure speed and memory with, and to test with.
@NullMarked
package io.lorikeet.models.random;

import org.jspecify.annotations.NullMarked;
