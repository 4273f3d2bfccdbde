package io.lorikeet.cli; final class Placeholder {}
