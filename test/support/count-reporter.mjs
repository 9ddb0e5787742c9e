/**
 * Writes the run's counts to .kerbtrail-test/report.json, where CI reads its last line from, and says which suites were not run
 * and why: Jest itself only counts them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export default class CountReporter {
  constructor({ rootDir }) {
    this.folder = join(rootDir, '.kerbtrail-test');
  }

  /** A suite that could not even run has no test to count: it counts as one failure. */
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const report = { passed: results.numPassedTests, failed, skipped: results.numPendingTests + results.numTodoTests };
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(join(this.folder, 'report.json'), `${JSON.stringify(report)}\n`);
    const skipped = results.testResults.flatMap(({ testResults }) => testResults).filter(isSkipped);
    const leftOut = new Set(
      skipped.flatMap(({ title, ancestorTitles }) => [...ancestorTitles, title].filter(tellsWhy)),
    );
    for (const title of leftOut) process.stderr.write(`${title}\n`);
  }
}

const isSkipped = ({ status }) => status === 'pending';
const tellsWhy = (title) => title.includes('[not run: ');
