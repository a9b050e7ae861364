"""Results on disk, named by what they were made from: cache, checkpoint and resume are this one thing.

::

    FOLDER/results/ab/abcd....json   one result each; its first line is the checksum of name and content
    FOLDER/incoming/                 files being written
    FOLDER/damaged/                  entries that were not what they should be, set aside
    FOLDER/running/                  one small file for each job that is being worked on, its time kept fresh

Any number of processes and machines may use a folder at once.
"""

from voicekit.store.cache import Cache, default_folder
from voicekit.store.results import Store, is_ours, name_of

__all__ = ["Cache", "Store", "default_folder", "is_ours", "name_of"]
