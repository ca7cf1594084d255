package certificate

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A version is a semantic version. What follows a plus sign does not count.
type version struct {
	core       [3]uint64
	prerelease []string
}

var versionPattern = regexp.MustCompile(
	`^(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})(?:-([0-9A-Za-z.-]{1,80}))?(?:\+[0-9A-Za-z.-]{1,80})?$`)

func parseVersion(text string) (v version, ok bool) {
	m := versionPattern.FindStringSubmatch(text)
	if m == nil {
		return version{}, false
	}
	for i := range v.core {
		n, err := strconv.ParseUint(m[i+1], 10, 64)
		if err != nil {
			return version{}, false
		}
		v.core[i] = n
	}
	if m[4] != "" {
		v.prerelease = strings.Split(m[4], ".")
	}
	return v, true
}

// compare orders versions as semver.org does: a pre-release comes before its release.
func (v version) compare(w version) int {
	if c := slices.Compare(v.core[:], w.core[:]); c != 0 {
		return c
	}
	if len(v.prerelease) == 0 || len(w.prerelease) == 0 {
		return cmp.Compare(len(w.prerelease), len(v.prerelease))
	}
	return slices.CompareFunc(v.prerelease, w.prerelease, compareIdentifiers)
}

// compareIdentifiers orders numbers by value and before words.
func compareIdentifiers(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}
