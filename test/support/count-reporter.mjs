/** Writes the run's counts to .kerbtrail-test/report.json, where CI reads its last line from. */
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
  }
}
