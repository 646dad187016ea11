package manager

import (
	"slices"
	"unicode/utf8"

	"example.com/atrium/pickle"
)

// typeName is the name of v's type in Python.
func typeName(v any) string {
	if o, ok := v.(*pickle.Object); ok {
		switch o.Class() {
		case pickle.Class{Module: "builtins", Name: "iter"}:
			return "list_iterator"
		case pickle.Class{Module: "builtins", Name: "reversed"}:
			return "list_reverseiterator"
		case arrayClass:
			return "array.array"
		}
	}
	return pickle.TypeName(v)
}

// An iterable is an instance that Python can iterate over.
type iterable interface{ items() ([]any, error) }

// iterate gives the elements of what Python can iterate over. They are the caller's.
func iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case pickle.Tuple:
		return slices.Clone(v), nil
	case *pickle.List:
		return slices.Clone(v.Items), nil
	case *pickle.Dict:
		return keysOf(v), nil
	case *pickle.Set:
		return collect(v.Len(), v.All()), nil
	case *pickle.FrozenSet:
		return collect(v.Len(), v.All()), nil
	case string:
		return characters(v), nil
	case pickle.Bytes:
		return octets(v), nil
	case *pickle.ByteArray:
		return octets(v.Data), nil
	case pickle.Range:
		n := v.Len()
		if n > mostItems {
			return nil, noMemory(n)
		}
		items := make([]any, n)
		for i := range items {
			items[i] = v.Start + int64(i)*v.Step
		}
		return items, nil
	case *proxy:
		if it, ok := v.object.inst.(iterable); ok {
			return it.items()
		}
	case *pickle.Object:
		if items, ok := objectItems(v); ok {
			return items, nil
		}
	}
	return nil, typeError("'%s' object is not iterable", typeName(v))
}

// objectItems are the elements of objects of well-known classes.
func objectItems(o *pickle.Object) ([]any, bool) {
	switch o.Class() {
	case pickle.Class{Module: "builtins", Name: "iter"}: // what is left of an iterator
		if len(o.Args) != 1 {
			return nil, false
		}
		items, err := iterate(o.Args[0])
		if err != nil {
			return nil, false
		}
		if at, ok := o.State.(int64); ok && at > 0 {
			items = items[min(int(at), len(items)):]
		}
		return items, true
	case pickle.Class{Module: "builtins", Name: "reversed"}:
		if len(o.Args) != 1 {
			return nil, false
		}
		items, err := iterate(o.Args[0])
		if err != nil {
			return nil, false
		}
		if at, ok := o.State.(int64); ok {
			items = items[:max(0, min(int(at)+1, len(items)))]
		}
		slices.Reverse(items)
		return items, true
	case pickle.Class{Module: "collections", Name: "deque"}:
		return slices.Clone(o.ListItems), true
	case pickle.Class{Module: "collections", Name: "OrderedDict"}, pickle.Class{Module: "collections", Name: "defaultdict"}:
		items := make([]any, len(o.DictItems))
		for i, it := range o.DictItems {
			items[i] = it.Key
		}
		return items, true
	case pickle.Class{Module: "array", Name: "array"}:
		if a, err := arrayFrom(o); err == nil {
			items, err := a.items()
			return items, err == nil
		}
	}
	return nil, false
}

// pairsOf gives the entries of what Python takes for a mapping; false when v is none.
func pairsOf(v any) ([]pickle.Item, bool) {
	switch v := v.(type) {
	case *pickle.Dict:
		items := make([]pickle.Item, 0, v.Len())
		for k, w := range v.All() {
			items = append(items, pickle.Item{Key: k, Value: w})
		}
		return items, true
	case *proxy:
		if d, ok := v.object.inst.(*dict); ok {
			d.mu.RLock()
			defer d.mu.RUnlock()
			return pairsOf(&d.d)
		}
	case *pickle.Object:
		switch v.Class() {
		case pickle.Class{Module: "collections", Name: "OrderedDict"}, pickle.Class{Module: "collections", Name: "defaultdict"}:
			return slices.Clone(v.DictItems), true
		}
	}
	return nil, false
}

func keysOf(d *pickle.Dict) []any {
	items := make([]any, 0, d.Len())
	for k := range d.All() {
		items = append(items, k)
	}
	return items
}

func collect(n int, all func(func(any) bool)) []any {
	items := make([]any, 0, n)
	for v := range all {
		items = append(items, v)
	}
	return items
}

// characters cuts text as Python does; a lone surrogate is three bytes that are one of them.
func characters(s string) []any {
	items := make([]any, 0, utf8.RuneCountInString(s))
	for len(s) > 0 {
		_, n := utf8.DecodeRuneInString(s)
		if n == 1 && s[0] == 0xed && len(s) >= 3 {
			n = 3
		}
		items = append(items, s[:n])
		s = s[n:]
	}
	return items
}

func octets(b []byte) []any {
	items := make([]any, len(b))
	for i, c := range b {
		items[i] = int64(c)
	}
	return items
}
