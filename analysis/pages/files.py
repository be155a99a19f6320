"""Files that are either there in full or not at all, whatever stops the writing."""

from analysis.whole import remove_halves as remove_halves
from analysis.whole import write as write
