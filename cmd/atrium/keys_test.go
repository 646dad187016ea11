package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Every key of the JSON of ls, inspect and gc is in the guide.
func TestKeysAreDocumented(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/see-what-is-going-on.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	seen := map[reflect.Type]bool{}
	var walk func(of reflect.Type)
	walk = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(of.Elem())
		case reflect.Struct:
			if seen[of] || of == reflect.TypeFor[time.Time]() {
				return
			}
			seen[of] = true
			for f := range of.Fields() {
				if key, _, _ := strings.Cut(f.Tag.Get("json"), ","); key != "" {
					keys[key] = of.Name()
				} else if !f.Anonymous {
					continue
				}
				walk(f.Type)
			}
		}
	}
	for _, v := range []any{spaceView{}, inspection{}, managerInspection{}, deadlocks{}, garbage{}} {
		walk(reflect.TypeOf(v))
	}
	if len(keys) < 50 {
		t.Errorf("only %d keys were found", len(keys))
	}
	for key, of := range keys {
		if !strings.Contains(string(guide), fmt.Sprintf("`%s`", key)) {
			t.Errorf("docs/guide/see-what-is-going-on.md does not tell of %q, a key of %s", key, of)
		}
	}
}
