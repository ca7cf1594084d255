package certificate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/connectorhost/connectorhost/sdk"
)

// PredicateType is that of a test result. See
// https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md.
const PredicateType = "https://in-toto.io/attestation/test-result/v0.1"

// The results of a test run, as the predicate has them.
const (
	passed = "PASSED"
	warned = "WARNED"
)

// The names of the descriptors in a test result's configuration.
const (
	descSuite    = "suite"
	descProfile  = "profile/" // and name@version
	descFixtures = "fixtures"
	descReport   = "report"
	descManifest = "manifest"
)

// statement returns claims as the bytes of a statement, always the same ones.
func (c Claims) statement() ([]byte, error) {
	c = c.canonical()
	config, err := c.configuration()
	if err != nil {
		return nil, err
	}
	result := passed
	if len(c.Tests.Warned) > 0 {
		result = warned
	}
	predicate, err := structOf(&testresult.TestResult{
		Result: result, Configuration: config, PassedTests: c.Tests.Passed, WarnedTests: c.Tests.Warned,
	})
	if err != nil {
		return nil, err
	}
	subject, err := descriptor(c.Connector, c.Binary, map[string]any{"version": c.Version, "os": c.OS, "arch": c.Arch})
	if err != nil {
		return nil, err
	}
	s := &intoto.Statement{
		Type: intoto.StatementTypeUri, Subject: []*intoto.ResourceDescriptor{subject},
		PredicateType: PredicateType, Predicate: predicate,
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return compact(s)
}

func (c Claims) configuration() ([]*intoto.ResourceDescriptor, error) {
	var (
		list   []*intoto.ResourceDescriptor
		failed []error
	)
	add := func(name, digest string, notes map[string]any) {
		d, err := descriptor(name, digest, notes)
		list, failed = append(list, d), append(failed, err)
	}
	add(descSuite, "", map[string]any{"name": c.Suite.Name, "version": c.Suite.Version})
	for _, p := range c.Profiles {
		add(descProfile+p.String(), p.Digest, nil)
	}
	add(descFixtures, c.Fixtures, nil)
	add(descReport, c.Report, map[string]any{
		"evidence": string(c.Evidence), "testedAt": c.TestedAt.Format(time.RFC3339),
	})
	add(descManifest, c.Manifest, map[string]any{
		"declared": listOf(c.Declared), "operations": listOf(c.Operations), "features": listOf(c.Features),
	})
	return list, errors.Join(failed...)
}

func descriptor(name, digest string, notes map[string]any) (*intoto.ResourceDescriptor, error) {
	d := &intoto.ResourceDescriptor{Name: name}
	if digest != "" {
		d.Digest = map[string]string{"sha256": digest}
	}
	if notes == nil {
		return d, nil
	}
	var err error
	if d.Annotations, err = structpb.NewStruct(notes); err != nil {
		return nil, fmt.Errorf("annotations of %s: %w", name, err)
	}
	return d, nil
}

func listOf[S ~[]T, T ~string](set S) []any {
	list := make([]any, len(set))
	for i, s := range set {
		list[i] = string(s)
	}
	return list
}

// compact encodes a message as JSON without the spaces that protojson varies.
func compact(m proto.Message) ([]byte, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func structOf(m proto.Message) (*structpb.Struct, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var s structpb.Struct
	if err := protojson.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// claimsOf reads the bytes of a statement. Fields that it does not know are ignored, as
// in-toto asks of readers; failed tests are not.
func claimsOf(text []byte) (Claims, error) {
	var s intoto.Statement
	if err := lenient.Unmarshal(text, &s); err != nil {
		return Claims{}, finding(Malformed, "not an in-toto statement: %v", err)
	}
	if err := s.Validate(); err != nil {
		return Claims{}, finding(Malformed, "not an in-toto statement: %v", err)
	}
	if s.GetType() != intoto.StatementTypeUri || s.GetPredicateType() != PredicateType || len(s.GetSubject()) != 1 {
		return Claims{}, finding(Malformed, "not a %s about one program, but a %.100s of %d subjects",
			PredicateType, s.GetPredicateType(), len(s.GetSubject()))
	}
	predicate, err := protojson.Marshal(s.GetPredicate())
	if err != nil {
		return Claims{}, finding(Malformed, "not a test result: %v", err)
	}
	var result testresult.TestResult
	if err := lenient.Unmarshal(predicate, &result); err != nil {
		return Claims{}, finding(Malformed, "not a test result: %v", err)
	}
	return claimsFrom(s.GetSubject()[0], &result)
}

var lenient = protojson.UnmarshalOptions{DiscardUnknown: true}

func claimsFrom(subject *intoto.ResourceDescriptor, result *testresult.TestResult) (Claims, error) {
	if n := len(result.GetFailedTests()); n > 0 || result.GetResult() != passed && result.GetResult() != warned {
		return Claims{}, finding(NotPassed, "its result is %.20q, and %d tests failed: %s",
			result.GetResult(), n, some(result.GetFailedTests()))
	}
	r := &reader{seen: map[string]bool{}}
	r.claims.Connector = subject.GetName()
	r.claims.Binary = subject.GetDigest()["sha256"]
	r.claims.Version, r.claims.OS, r.claims.Arch = note(subject, "version"), note(subject, "os"), note(subject, "arch")
	r.claims.Tests = Tests{Passed: result.GetPassedTests(), Warned: result.GetWarnedTests()}
	for _, d := range result.GetConfiguration() {
		r.read(d)
	}
	c := r.claims.canonical()
	if err := errors.Join(errors.Join(r.wrong...), c.check()); err != nil {
		return Claims{}, finding(Malformed, "%v", err)
	}
	return c, nil
}

// A reader gathers claims from descriptors.
type reader struct {
	claims Claims
	seen   map[string]bool
	wrong  []error
}

func (r *reader) read(d *intoto.ResourceDescriptor) {
	name, digest := d.GetName(), d.GetDigest()["sha256"]
	if r.seen[name] {
		r.wrong = append(r.wrong, fmt.Errorf("descriptor %.100q is there twice", name))
	}
	r.seen[name] = true
	c := &r.claims
	switch name {
	case descSuite:
		c.Suite = Suite{note(d, "name"), note(d, "version")}
	case descFixtures:
		c.Fixtures = digest
	case descReport:
		var err error
		c.Report, c.Evidence = digest, Evidence(note(d, "evidence"))
		if c.TestedAt, err = time.Parse(time.RFC3339, note(d, "testedAt")); err != nil {
			r.wrong = append(r.wrong, errors.New("testedAt is not a time"))
		}
	case descManifest:
		c.Manifest = digest
		c.Declared, c.Operations, c.Features = notes[sdk.Operation](d, "declared"), notes[sdk.Operation](d, "operations"), notes[string](d, "features")
	default:
		if profile, ok := strings.CutPrefix(name, descProfile); ok {
			r.profile(profile, digest)
		}
	}
}

func (r *reader) profile(name, digest string) {
	p, err := parseProfile(name)
	if err != nil {
		r.wrong = append(r.wrong, fmt.Errorf("profile %.100q: %w", name, err))
		return
	}
	p.Digest = digest
	r.claims.Profiles = append(r.claims.Profiles, p)
}

// parseProfile reads "name@version", or "name", whose version is 0.
func parseProfile(text string) (Profile, error) {
	name, number, versioned := strings.Cut(text, "@")
	p := Profile{Name: name}
	if err := match("name", name, namePattern); err != nil {
		return Profile{}, err
	}
	if !versioned {
		return p, nil
	}
	var err error
	if p.Version, err = strconv.Atoi(number); err != nil || p.Version < 1 || strconv.Itoa(p.Version) != number {
		return Profile{}, fmt.Errorf("%.60q is not a profile, must be like core@1", text)
	}
	return p, nil
}

// note is an annotation that is a text; empty if it is not there or is none.
func note(d *intoto.ResourceDescriptor, name string) string {
	return d.GetAnnotations().GetFields()[name].GetStringValue()
}

// notes is an annotation that is a list of texts.
func notes[T ~string](d *intoto.ResourceDescriptor, name string) []T {
	var list []T
	for _, v := range d.GetAnnotations().GetFields()[name].GetListValue().GetValues() {
		list = append(list, T(v.GetStringValue()))
	}
	return list
}
