package io.lorikeet.train.data; final class Placeholder {}
