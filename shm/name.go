package shm

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/version"
)

// Owner is a process in a Space: its slot in the process table and that slot's epoch when it joined. The zero Owner is nobody.
type Owner struct {
	Slot  uint16
	Epoch uint32
}

func (o Owner) String() string {
	return strconv.Itoa(int(o.Slot)) + "-" + strconv.FormatUint(uint64(o.Epoch), 10)
}

func (o Owner) valid() bool { return o.Slot > 0 && o.Slot < layout.Slots }

// unnamed is the file name of an owner's nth unnamed file.
func (o Owner) unnamed(seq string) string { return "." + o.String() + "-" + seq }

// parseUnnamed reads ".slot-epoch-seq"; seq may be anything without a slash.
func parseUnnamed(name string) (o Owner, ok bool) {
	rest, ok := strings.CutPrefix(name, ".")
	if !ok {
		return Owner{}, false
	}
	slot, rest, ok1 := strings.Cut(rest, "-")
	epoch, _, ok2 := strings.Cut(rest, "-")
	if !ok1 || !ok2 {
		return Owner{}, false
	}
	s, err1 := strconv.ParseUint(slot, 10, 12)
	e, err2 := strconv.ParseUint(epoch, 10, 32)
	if err1 != nil || err2 != nil || s == 0 {
		return Owner{}, false
	}
	return Owner{uint16(s), uint32(e)}, true
}

// checkTag tells whether tag can mark unnamed files. The "-" at its end keeps number 12 of "a-" apart from number 2 of "a1-".
func checkTag(tag string) error {
	word, ok := strings.CutSuffix(tag, "-")
	if !ok || word == "" || len(word) > 100 || strings.ContainsAny(word, "-@/\x00") {
		return fmt.Errorf("%q is no tag: use 1 to 100 bytes without '-', '@' and '/', and a '-' at the end", tag)
	}
	return nil
}

// CheckName tells whether name can name an object in a Space.
func CheckName(name string) error {
	if name == "" || len(name) > 200 || name[0] == '.' || !utf8.ValidString(name) {
		return ErrName
	}
	for _, r := range name {
		if r == '/' || !unicode.IsPrint(r) {
			return ErrName
		}
	}
	return nil
}

// DefaultPath is the directory of the Space that Open("") opens: $ATRIUM_SPACE, else /dev/shm/atrium-UID/v1/default.
func DefaultPath() string {
	dir, _ := resolve("")
	return dir
}

// resolve turns what a user names a Space by, "", a bare word or a path, into its directory.
func resolve(space string) (dir string, err error) {
	if space == "" {
		space = os.Getenv("ATRIUM_SPACE")
	}
	if space == "" {
		space = "default"
	}
	if !strings.Contains(space, "/") {
		if err = CheckName(space); err != nil { // ".." is none
			err = fmt.Errorf("%q is %w; a directory is written with a '/', such as ./spaces", space, err)
		}
		return filepath.Join(base(), space), err
	}
	return filepath.Abs(space)
}

// base is where Spaces without a path of their own lie.
func base() string {
	return filepath.Join("/dev/shm", "atrium-"+strconv.Itoa(os.Getuid()), "v"+strconv.Itoa(version.Format))
}
