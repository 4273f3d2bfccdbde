package io.lorikeet.finetune.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WordsTest {

  @Test
  void durations() {
    assertEquals("0s", Words.duration(0.2));
    assertEquals("1m 00s", Words.duration(59.7));
    assertEquals("3m 20s", Words.duration(200));
    assertEquals("2h 05m", Words.duration(7530));
  }

  @Test
  void shares() {
    assertEquals("0.0 %", Words.percent(0));
    assertEquals("0.41 %", Words.percent(0.0041));
    assertEquals("45.7 %", Words.percent(0.457));
    assertEquals("below 0.01 %", Words.percent(2e-6));
  }

  @Test
  void lossesAndCounts() {
    assertEquals("2.0000 (perplexity 7.39)", Words.loss(2));
    assertEquals("500.0000 (perplexity 1.40e+217)", Words.loss(500));
    assertEquals("1065297.9570 (perplexity above 1e+300)", Words.loss(1_065_297.957));
    assertEquals("1,234,567", Words.count(1_234_567));
    assertEquals("512 MiB", Words.bytes(512L << 20));
    assertEquals("7.5 GiB", Words.bytes(7680L << 20));
  }
}
