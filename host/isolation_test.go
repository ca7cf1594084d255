package host

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestIsolationIsWhatItIsToldToBe(t *testing.T) {
	if walls := (Isolation{Mode: IsolationOff}).walls(); walls != nil {
		t.Errorf("off: %+v, want no walls", walls)
	}
	best := Isolation{}.walls()
	if best.Memory != defaultMemory || best.Threads != defaultThreads || len(best.Require) > 0 {
		t.Errorf("by default: %+v, want bounds and nothing required", best)
	}
	free := Isolation{Memory: -1, Threads: -1}.walls()
	if free.Memory != 0 || free.Threads != 0 {
		t.Errorf("unbounded: %+v, want no bounds", free)
	}
	required := Isolation{Mode: IsolationRequired}.walls()
	if diff := cmp.Diff(DefaultLayers(), required.Require); diff != "" {
		t.Errorf("required (-want +got):\n%s", diff)
	}
}

func TestWrongIsolationIsNamed(t *testing.T) {
	err := Isolation{Mode: "strict", Layers: []string{"moat"}, Egress: []string{"api.example"}}.check()
	for _, want := range []string{`isolation is "strict"`, `no layer is called "moat"`, `"api.example" is not an address`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %s", err, want)
		}
	}
	if err := (Isolation{Layers: DefaultLayers()}).check(); err != nil {
		t.Errorf("the default layers: %v", err)
	}
}

func TestWhatIsNotOfferedCannotBeRequired(t *testing.T) {
	i := Isolation{Mode: IsolationRequired, Layers: []string{"memory"}, Cgroup: t.TempDir() + "/none"}
	if _, err := i.offered(); err == nil || !strings.Contains(err.Error(), `"memory"`) {
		t.Errorf("error %v, want that memory is not offered", err)
	}
	i.Mode = IsolationBest
	missing, err := i.offered()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range missing {
		if l.Name == "memory" && l.Note != "" {
			return
		}
	}
	t.Errorf("missing %v, want memory among it", missing)
}

func TestRefusalsAreToldOfOnceAMinute(t *testing.T) {
	var r refusals
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	if times, tell := r.count("x", now); !tell || times != 1 {
		t.Errorf("the first: %d, %v, want to tell of one", times, tell)
	}
	for range 5 {
		if _, tell := r.count("x", now.Add(time.Second)); tell {
			t.Error("told again within a minute")
		}
	}
	if _, tell := r.count("y", now.Add(time.Second)); !tell {
		t.Error("another address: not told of")
	}
	if times, tell := r.count("x", now.Add(tellAgain)); !tell || times != 6 {
		t.Errorf("after a minute: %d, %v, want to tell of six", times, tell)
	}
}
