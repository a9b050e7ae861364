"""From the words of a transcript to what a voice is to say: sentences, spelt-out numbers, stress."""
