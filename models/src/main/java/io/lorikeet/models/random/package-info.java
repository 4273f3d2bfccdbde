/// Models with random weights: to measure speed and memory with, and to test with.
package io.lorikeet.models.random;
