package pickle

import "fmt"

// Limits bound what a pickle from outside may cost. A zero field means its default.
type Limits struct {
	MaxBytes int // length of the pickle; default 1 GiB
	MaxDepth int // nesting of open containers, and of values that Unmarshal fills; default 10,000
	MaxMemo  int // entries of the memo, which keeps shared objects; default 16 Mi
	MaxItems int // opcodes run, plus elements visited to hash and compare keys and to fill Go values; default 64 Mi
}

// maxDepth bounds the recursion of everything that walks values: Go ends the whole process when a stack exceeds 1 GB.
const maxDepth = 10_000

func (l Limits) withDefaults() Limits {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&l.MaxBytes, 1<<30)
	set(&l.MaxDepth, maxDepth)
	set(&l.MaxMemo, 16<<20)
	set(&l.MaxItems, 64<<20)
	return l
}

func exceeded(name string, max int) error {
	return fmt.Errorf("%w: Limits.%s is %d", ErrLimit, name, max)
}
