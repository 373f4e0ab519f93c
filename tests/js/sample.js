// What the server tells the page about codes.

export const settings = {
  patterns: {
    operator: "OP\\d{2,4}",
    cp: "CP\\d{8}-\\d{4}",
    oc1: "OC\\d{2}",
    oc2: "OC\\d{2}",
    defect: "\\d{3}",
  },
  examples: { operator: "OP0001", cp: "CP10045821-0007", oc1: "OC01", oc2: "OC11", defect: "000" },
  defects: [
    { code: "000", name: "Approved", noteRequired: false },
    { code: "001", name: "Scratch", noteRequired: false },
    { code: "099", name: "Other", noteRequired: true },
  ],
};
