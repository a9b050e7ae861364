"""``python -m voicekit``."""

if __name__ == "__main__":
    from voicekit.cli import main

    main()
